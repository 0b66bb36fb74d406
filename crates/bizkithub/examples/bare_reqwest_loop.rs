//! What a request costs at the least: a loop around reqwest that plans nothing, remembers nothing and looks at the status only.
//! `benches/runs.py` measures it beside a run.
//!
//! `bare_reqwest_loop URL REQUESTS AT_ONCE`; the URL is that of a request, with its key.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(requests), Some(at_once)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: bare_reqwest_loop URL REQUESTS AT_ONCE".into());
    };
    let (requests, at_once): (usize, usize) = (requests.parse()?, at_once.parse()?);
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = reqwest::Client::new();
        let loops = (0..at_once).map(|first| {
            let (client, url) = (client.clone(), url.clone());
            async move {
                for number in (first..requests).step_by(at_once) {
                    let body = format!(r#"{{"email":"customer-{number}@example.com","groups":["vip"]}}"#);
                    let request = client.post(&url).header("content-type", "application/json").body(body);
                    request.send().await?.error_for_status()?.bytes().await?;
                }
                Ok::<_, reqwest::Error>(())
            }
        });
        futures_util::future::try_join_all(loops).await
    })?;
    Ok(())
}
