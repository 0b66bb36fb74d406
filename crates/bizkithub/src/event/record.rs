use serde::{Serialize, Serializer};

use super::{Event, EventData, EventLevel};

/// The shape that every face shows.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            name: &'static str,
            level: EventLevel,
            message: String,
            at: String,
            run: Option<u64>,
            fields: &'a EventData,
        }
        Shape {
            name: self.data.name(),
            level: self.data.level(),
            message: self.data.to_string(),
            at: self.at.to_string(),
            run: self.run,
            fields: &self.data,
        }
        .serialize(serializer)
    }
}
