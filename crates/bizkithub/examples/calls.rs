//! Calls as a Rust program makes them, for `benches`: with this client, and with reqwest alone as the least that a call can cost.
//!
//! `calls CLIENT URL KEY AT_ONCE SECONDS [CERTIFICATE]` warms up, prints `begin`, calls for so many seconds, prints `end` with
//! the number of calls and the seconds, and waits until its input ends. CLIENT is `bizkithub`, `reqwest` or `reqwest, with a timeout`.

use std::cell::Cell;
use std::error::Error;
use std::io::Read;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bizkithub::{Client, Customer, parse_groups};
use serde::{Deserialize, Serialize};

type Failure = Box<dyn Error>;

#[derive(Serialize)]
struct Body {
    email: String,
    groups: [&'static str; 1],
}

#[derive(Deserialize)]
struct Answer {
    success: bool,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, url, key, at_once, seconds, certificate @ ..] = arguments.as_slice() else {
        return Err("usage: calls CLIENT URL KEY AT_ONCE SECONDS [CERTIFICATE]".into());
    };
    let (at_once, seconds): (NonZeroUsize, f64) = (at_once.parse()?, seconds.parse()?);
    let certificate = certificate.first();
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        if client == "bizkithub" {
            let mut builder = Client::builder().api_key(key).base_url(url);
            if let Some(path) = certificate {
                builder = builder.ca_file(path);
            }
            let client = builder.build()?;
            let call = async |number: u64| {
                let customer = Customer::parse(Some(&format!("customer-{number}@example.com")), None)?;
                client.add_groups(&customer, &parse_groups(["vip"])?).await?;
                Ok(())
            };
            measure(at_once, seconds, call).await
        } else {
            let mut builder = reqwest::Client::builder();
            if client == "reqwest, with a timeout" {
                builder = builder.timeout(Duration::from_secs(30));
            }
            if let Some(path) = certificate {
                builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&std::fs::read(path)?)?]);
            }
            let client = builder.build()?;
            let url = format!("{url}/api/v1/customer/add-groups?apiKey={key}");
            let call = async |number: u64| {
                let body = Body { email: format!("customer-{number}@example.com"), groups: ["vip"] };
                let body = serde_json::to_vec(&body)?;
                let request = client.post(&url).header("content-type", "application/json").body(body);
                let answer = request.send().await?.error_for_status()?.bytes().await?;
                let Answer { success } = serde_json::from_slice(&answer)?;
                if success { Ok(()) } else { Err("the server says no".into()) }
            };
            measure(at_once, seconds, call).await
        }
    })
}

async fn measure(
    at_once: NonZeroUsize,
    seconds: f64,
    call: impl AsyncFn(u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    call_for(at_once, seconds / 5.0, &call).await?;
    println!("begin");
    let begin = Instant::now();
    let calls = call_for(at_once, seconds, &call).await?;
    println!("end {calls} {}", begin.elapsed().as_secs_f64());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn call_for(
    at_once: NonZeroUsize,
    seconds: f64,
    call: &impl AsyncFn(u64) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let calls = Cell::new(0);
    let workers = (0..at_once.get()).map(async |_| {
        while Instant::now() < until {
            calls.set(calls.get() + 1);
            call(calls.get()).await?;
        }
        Ok::<_, Failure>(())
    });
    futures_util::future::try_join_all(workers).await?;
    Ok(calls.get())
}
