//! The spans and events that the crate `tracing` gets. Alone in its program: subscribers of several tests would see one another.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this test asks the world for less than others")]
mod support;

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use bizkithub::Pace;
use bizkithub::job::{PlanBuilder, PlanOptions, Row, RowGroups, RunOptions};
use support::{KEY, World, refusal, yes};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// A subscriber that writes everything down.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<(u64, String)>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("a text takes everything");
    }
}

impl tracing::Subscriber for Notes {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "bizkithub"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut notes = self.0.lock().expect("no panic");
        notes.0 += 1;
        let id = notes.0;
        write!(notes.1, "\nspan {id} {}", span.metadata().name()).expect("a text takes everything");
        span.record(&mut Fields(&mut notes.1));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut notes = self.0.lock().expect("no panic");
        write!(notes.1, "\nspan {}", span.into_u64()).expect("a text takes everything");
        values.record(&mut Fields(&mut notes.1));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut notes = self.0.lock().expect("no panic");
        write!(notes.1, "\n{}", event.metadata().level()).expect("a text takes everything");
        event.record(&mut Fields(&mut notes.1));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn tracing_gets_a_span_for_the_run_and_for_each_request() {
    let notes = Notes::default();
    let subscription = tracing::subscriber::set_default(notes.clone());
    let world = World::new(|number, _| if number == 0 { Ok(refusal(400, "NOT_WANTED")) } else { Ok(yes()) });
    let mut builder = PlanBuilder::new(&PlanOptions::default()).expect("no options");
    for email in ["user0@example.com", "user1@example.com", "nobody"] {
        let groups = RowGroups::Text(Cow::Borrowed("vip"));
        builder.push(&Row { email: Some(Cow::Borrowed(email)), cu_ref_no: None, groups });
    }
    let mut options = RunOptions::default();
    options.pace = Pace::Fast;
    builder.finish().run(&world.client(), options).await;
    drop(subscription);
    let notes = notes.0.lock().expect("no panic").1.clone();
    for expected in [
        "\nspan 1 run run=",
        " name=\"run.started\" run=",
        "\nspan 2 request otel.name=POST /api/v1/customer/add-groups otel.kind=\"client\" http.request.method=\"POST\" \
         url.template=\"/api/v1/customer/add-groups\" server.address=\"localhost\" server.port=80\n",
        "\nspan 2 http.response.status_code=400",
        "\nspan 2 error.type=\"NOT_WANTED\"",
        "\nspan 2 otel.status_code=\"ERROR\"",
        "\nspan 3 http.response.status_code=200",
        " name=\"run.ended\" run=",
        " applied=1 skipped=0 rejected=2 pending=0 unknown=0 requests=2",
    ] {
        assert!(notes.contains(expected), "{expected} is not in {notes}");
    }
    for secret in [KEY, "apiKey", "user0", "example.com"] {
        assert!(!notes.contains(secret), "{secret} is in {notes}");
    }
}
