use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Once;
use std::time::Duration;

use bizkithub::Customer;
use bizkithub_sandbox::Sandbox;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Far more than anything here takes: a test that runs into it has failed, not been slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ADD_GROUPS: &str = "/api/v1/customer/add-groups";
pub(crate) const PING: &str = "/ping/v1";

/// Starts a sandbox from its JSON options.
pub(crate) fn sandbox(options: Value) -> Sandbox {
    Sandbox::start(serde_json::from_value(options).unwrap()).unwrap()
}

pub(crate) fn http() -> Client {
    builder().build().unwrap()
}

pub(crate) fn http2() -> Client {
    builder().http2_prior_knowledge().build().unwrap()
}

fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE)
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends a request as it is: the path with its query, the headers, the body.
pub(crate) async fn send(
    client: &Client,
    sandbox: &Sandbox,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply, reqwest::Error> {
    let mut request = client.request(method, format!("{}{path}", sandbox.url())).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Reply { status, headers, body: response.text().await? })
}

/// Adds groups with the sandbox's own key.
pub(crate) async fn try_add(client: &Client, sandbox: &Sandbox, body: &Value) -> Result<Reply, reqwest::Error> {
    let path = format!("{ADD_GROUPS}?apiKey={}", sandbox.api_key());
    send(client, sandbox, Method::POST, &path, &[], &body.to_string()).await
}

pub(crate) async fn add(sandbox: &Sandbox, body: &Value) -> Reply {
    try_add(&http(), sandbox, body).await.unwrap()
}

pub(crate) async fn ping(sandbox: &Sandbox, key: &str) -> Reply {
    send(&http(), sandbox, Method::GET, &format!("{PING}?apiKey={key}"), &[], "").await.unwrap()
}

/// One customer and one group, for tests that care about neither.
pub(crate) fn vip() -> Value {
    json!({"email": "jan@barasek.com", "groups": ["vip"]})
}

pub(crate) fn jan() -> Customer {
    Customer::parse(Some("jan@barasek.com"), None).unwrap()
}

pub(crate) fn groups_of(sandbox: &Sandbox, customer: &Customer) -> Vec<String> {
    sandbox.groups_of(customer).into_iter().collect()
}

/// A bare connection on which [`vip`] was asked for.
pub(crate) fn ask_for_vip(sandbox: &Sandbox) -> TcpStream {
    let mut stream = connect(sandbox);
    let body = vip().to_string();
    let head = format!(
        "POST {ADD_GROUPS}?apiKey={} HTTP/1.1\r\nhost: sandbox\r\ncontent-length: {}\r\n\r\n",
        sandbox.api_key(),
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream
}

pub(crate) fn connect(sandbox: &Sandbox) -> TcpStream {
    let stream = TcpStream::connect(sandbox.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the other side closes; an error is part of what is read.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).err();
    (bytes, error.map(|error| error.kind()))
}
