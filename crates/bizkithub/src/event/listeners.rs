use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Event, EventData, EventLevel, trace};
use crate::client::{MaybeSend, MaybeSync};
use crate::error::Error;

/// Who is told of events. It is called in the midst of the work, so that it must return quickly.
pub trait EventListener: MaybeSend + MaybeSync {
    /// Takes an event.
    fn event(&self, event: &Event);

    /// Hands over what it still holds. Default: nothing.
    ///
    /// # Errors
    ///
    /// Of whom it is handed over to.
    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<F: Fn(&Event) + MaybeSend + MaybeSync> EventListener for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

/// The listeners of a client, each from its level on, and the run that they are told of.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    each: Vec<(EventLevel, Arc<dyn EventListener>)>,
    pub(crate) run: Option<u64>,
}

impl Listeners {
    pub(crate) fn add(&mut self, least: EventLevel, listener: Arc<dyn EventListener>) {
        self.each.push((least, listener));
    }

    pub(crate) fn want_any(&self) -> bool {
        !self.each.is_empty()
    }

    /// Whether anybody would be told of an event of this level: only then it needs to be made.
    pub(crate) fn want(&self, level: EventLevel) -> bool {
        trace::wants(level) || self.each.iter().any(|(least, _)| level >= *least)
    }

    pub(crate) fn flush(&self) -> Vec<Error> {
        self.each.iter().filter_map(|(_, listener)| listener.flush().err()).collect()
    }

    pub(crate) fn tell(&self, at: Timestamp, data: EventData) {
        let event = Event { at, run: self.run, data };
        trace::emit(&event);
        let level = event.data.level();
        for (_, listener) in self.each.iter().filter(|(least, _)| level >= *least) {
            listener.event(&event);
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Listeners").field("count", &self.each.len()).field("run", &self.run).finish()
    }
}
