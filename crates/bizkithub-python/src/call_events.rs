use std::sync::{Arc, Mutex, PoisonError};

use bizkithub::Client;
use bizkithub::event::{Event, EventLevel};
use pyo3::prelude::*;

use crate::error::call;
use crate::run::Told;

/// The events of one call, of which its caller is told on its own thread once the call has ended.
pub(crate) struct CallEvents {
    tell: Py<PyAny>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl CallEvents {
    /// Listens to a client for whoever wants to know, which is nobody without `tell`.
    pub(crate) fn listen(client: Client, tell: Option<Py<PyAny>>) -> (Client, Option<Self>) {
        let Some(tell) = tell else { return (client, None) };
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let kept = Arc::clone(&events);
        let keep = move |event: &Event| kept.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        (client.listening(EventLevel::Debug, Arc::new(keep)), Some(Self { tell, events }))
    }

    pub(crate) fn tell(self, py: Python<'_>) -> PyResult<()> {
        for event in std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.tell.call1(py, call(py, || Told::Event(event).values())?)?;
        }
        Ok(())
    }
}
