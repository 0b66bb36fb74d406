//! One client, shared by many threads: its calls and its runs use one pacer, one retry budget and one transport. `make sanitize` runs this
//! under the thread sanitizer.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bizkithub::event::{Event, EventLevel};
use bizkithub::job::{PlanBuilder, PlanOptions, Row, RowGroups, RunOptions};
use bizkithub::protocol::{Request, Response};
use bizkithub::{BoxFuture, Client, Customer, Pace, QuotaRate, Transport, TransportError, parse_groups};

const LIMIT: u64 = 100_000;
const THREADS: u64 = 6;
const CALLS: u64 = 100;
const CUSTOMERS: u64 = 300;

/// Says yes and what is left of the quota, but fails at every hundredth request.
#[derive(Clone, Default)]
struct Server(Arc<Counts>);

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    admitted: AtomicU64,
}

impl Transport for Server {
    fn exchange(&self, _: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        let Counts { requests, admitted } = &*self.0;
        Box::pin(async {
            tokio::task::yield_now().await;
            if requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(100) {
                return Ok(Response { status: 503, ..Response::default() });
            }
            let left = LIMIT - admitted.fetch_add(1, Ordering::Relaxed) - 1;
            let headers = [("x-ratelimit-limit", LIMIT), ("x-ratelimit-remaining", left)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_string())).to_vec();
            Ok(Response { status: 200, headers, body: br#"{"success":true}"#.to_vec() })
        })
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

#[test]
fn calls_and_runs_of_many_threads_share_one_quota() {
    let server = Server::default();
    let events = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&events);
    let listener = move |event: &Event| {
        told.fetch_add(u64::from(event.data.name() == "request"), Ordering::Relaxed);
    };
    let client = Client::builder()
        .api_key("DEV_0123456789abcdefghijABCDEFGH")
        .base_url("http://localhost")
        .quota(QuotaRate::new(LIMIT, Duration::from_secs(60)))
        .tries(10)
        .listener(EventLevel::Debug, Arc::new(listener))
        .transport(server.clone())
        .build()
        .expect("the settings are valid");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let client = client.clone();
            scope.spawn(move || {
                let customer = Customer::parse(Some(&format!("user{number}@example.com")), None).expect("a customer");
                let groups = parse_groups(["vip"]).expect("groups");
                block_on(async {
                    for _ in 0..CALLS {
                        client.add_groups(&customer, &groups).await.expect("a yes");
                    }
                });
            });
        }
        for run in 0..2 {
            let client = client.clone();
            scope.spawn(move || {
                let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
                for number in 0..CUSTOMERS {
                    let email = Some(Cow::Owned(format!("run{run}-{number}@example.com")));
                    builder.push(&Row { email, cu_ref_no: None, groups: RowGroups::Text(Cow::Borrowed("vip")) });
                }
                let mut options = RunOptions::default();
                options.pace = Pace::Fast;
                let report = block_on(builder.finish().run(&client, options));
                assert_eq!(report.counts().applied, CUSTOMERS, "{:?}", report.summary());
            });
        }
    });
    assert_eq!(server.0.admitted.load(Ordering::Relaxed), THREADS * CALLS + 2 * CUSTOMERS);
    assert_eq!(events.load(Ordering::Relaxed), server.0.requests.load(Ordering::Relaxed));
    assert_eq!(client.quota(), Some(QuotaRate::new(LIMIT, Duration::from_secs(60))));
}
