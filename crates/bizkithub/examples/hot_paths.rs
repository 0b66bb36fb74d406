//! The ways that a job of ten million rows goes ten million times, each by itself, for `benches/instructions.py` to count the instructions of.
//!
//! `hot_paths slug|email|call COUNT` goes a way so many times; `hot_paths plan|run|ledger FILE` does it for every row of a CSV file: plans it,
//! runs the plan, or runs it with a ledger.

use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bizkithub::job::{Columns, FileSource, LedgerLocation, LedgerOwner, Plan, PlanBuilder, PlanOptions, RunOptions};
use bizkithub::protocol::Response;
use bizkithub::{Client, Clock, Customer, Email, Pace, TokioClock, parse_groups};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, argument] = arguments.as_slice() else { return Err("usage: hot_paths PATH COUNT|FILE".into()) };
    let count = || argument.parse::<u64>();
    // The clock stands while there is something to do, so that a slow machine does the same as a quick one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    match path.as_str() {
        "slug" => {
            for number in 0..count()? {
                black_box(bizkithub::slug(&format!("Příliš žluťoučký kůň & Q{number}")));
            }
        }
        "email" => {
            for number in 0..count()? {
                black_box(Email::parse(&format!("Customer.{number}@example.com"))?);
            }
        }
        "call" => runtime.block_on(call(count()?))?,
        "plan" => {
            black_box(plan(argument)?.finish());
        }
        "run" => runtime.block_on(async { run(plan(argument)?.finish()).await })?,
        "ledger" => runtime.block_on(async {
            let folder = tempfile::tempdir()?;
            let location = LedgerLocation::file(folder.path().join("hot.ledger"));
            let ledger = location.open(&LedgerOwner::of(&client()?))?;
            run(plan(argument)?.finish_with(Arc::new(ledger), TokioClock::new().now()).await?).await
        })?,
        _ => return Err(format!("there is no path {path}").into()),
    }
    Ok(())
}

/// Whose every request is answered at once.
fn client() -> Result<Client, Failure> {
    let transport = async |_| Ok(Response { status: 200, headers: Vec::new(), body: br#"{"success":true}"#.to_vec() });
    let client = Client::builder()
        .api_key("DEV_0123456789abcdefghijABCDEFGH")
        .base_url("https://api.example")
        .quota("1000000000/h".parse()?)
        .transport(transport)
        .build()?;
    Ok(client)
}

async fn call(count: u64) -> Result<(), Failure> {
    let client = client()?;
    for number in 0..count {
        let customer = Customer::parse(Some(&format!("customer-{number}@example.com")), None)?;
        black_box(client.add_groups(&customer, &parse_groups(["vip"])?).await?);
    }
    Ok(())
}

fn plan(path: &str) -> Result<PlanBuilder, Failure> {
    let mut builder = PlanBuilder::new(&PlanOptions::default())?;
    let columns = Columns { email: Some("email".into()), cu_ref_no: None, groups: Some("segment".into()) };
    FileSource::new(Path::new(path), columns).read_into(&mut builder)?;
    Ok(builder)
}

async fn run(plan: Plan) -> Result<(), Failure> {
    let mut options = RunOptions::default();
    options.pace = Pace::Fast;
    options.concurrency = NonZeroUsize::new(32).ok_or("zero")?;
    let report = plan.run(&client()?, options).await;
    if report.is_complete() { Ok(()) } else { Err(format!("{:?}", report.counts()).into()) }
}
