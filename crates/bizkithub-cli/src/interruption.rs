use std::time::{Duration, Instant};

use bizkithub::Error;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The user's wish to stop: Ctrl-C, or SIGTERM from whoever runs the machine.
pub(crate) struct Interruption {
    #[cfg(unix)]
    signals: [Signal; 2],
    last: Option<Instant>,
}

/// One Ctrl-C arrives twice under programs that pass it on, such as `npx` and `timeout`, because the terminal sends it too.
const ECHO: Duration = Duration::from_millis(500);

impl Interruption {
    /// Begins to listen. From now on the signals no longer end the process by themselves.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind).map_err(|error| Error::internal("the command cannot listen for Ctrl-C").caused_by(error))
        };
        Ok(Self { signals: [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?], last: None })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, Error> {
        Ok(Self { last: None })
    }

    /// Completes with the next interruption, each time anew.
    pub(crate) async fn next(&mut self) {
        loop {
            self.signal().await;
            let is_echo = self.last.is_some_and(|last| last.elapsed() < ECHO);
            if !is_echo {
                self.last = Some(Instant::now());
                return;
            }
        }
    }

    #[cfg(unix)]
    async fn signal(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn signal(&mut self) {
        // Where Ctrl-C cannot be listened for, nobody ever interrupts.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
