//! What polls the futures of all calls. There is no event loop in the module: whenever JavaScript comes in with a new call, an answer
//! or the end of a wait, everything that can go on does, before JavaScript goes on itself.

use std::cell::{Cell, RefCell};
use std::future::Future;

use futures_executor::LocalPool;
use futures_util::task::LocalSpawnExt;

thread_local! {
    static POOL: RefCell<LocalPool> = RefCell::new(LocalPool::new());
    static SPAWNER: futures_executor::LocalSpawner = POOL.with_borrow(LocalPool::spawner);
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Adds a task. It goes on at the next [`run`].
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    // The pool is never dropped, and only a pool that is gone refuses.
    let _ = SPAWNER.with(|spawner| spawner.spawn_local(task));
}

/// Lets every task go on as far as it can. A call from within one, by way of JavaScript, is a part of the run that is under way.
pub(crate) fn run() {
    if IS_RUNNING.replace(true) {
        return;
    }
    POOL.with_borrow_mut(LocalPool::run_until_stalled);
    IS_RUNNING.set(false);
}
