use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures_channel::oneshot::{self, Receiver, Sender};

/// What was asked of the host and is not answered yet, by numbers.
pub(crate) struct Questions<T> {
    next: Cell<u32>,
    open: RefCell<HashMap<u32, Sender<T>>>,
}

impl<T> Default for Questions<T> {
    fn default() -> Self {
        Self { next: Cell::default(), open: RefCell::default() }
    }
}

impl<T> Questions<T> {
    /// Opens a question.
    pub(crate) fn ask(&self) -> Question<T> {
        let number = self.next.replace(self.next.get().wrapping_add(1));
        let (sender, receiver) = oneshot::channel();
        self.open.borrow_mut().insert(number, sender);
        Question { number, receiver }
    }

    /// Takes the host's answer.
    pub(crate) fn answer(&self, number: u32, answer: T) {
        let sender = self.open.borrow_mut().remove(&number);
        // Nobody waits for it after a timeout.
        let _ = sender.map(|sender| sender.send(answer));
    }

    /// Whether the question was still open, which it no longer is.
    pub(crate) fn forget(&self, number: u32) -> bool {
        self.open.borrow_mut().remove(&number).is_some()
    }
}

/// An open question.
pub(crate) struct Question<T> {
    number: u32,
    receiver: Receiver<T>,
}

impl<T> Question<T> {
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The answer; nothing when the question was forgotten.
    pub(crate) async fn answer(self) -> Option<T> {
        self.receiver.await.ok()
    }
}
