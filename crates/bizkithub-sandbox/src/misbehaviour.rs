use std::future::pending;

use crate::answer::Answer;
use crate::fault::{FaultEffect, Strike};
use crate::refusal::Refusal;
use crate::socket::Connection;
use crate::state::{Admission, Operation};
use crate::ticket::Ticket;

/// Does to a request what its faults decided, and answers it if they leave an answer.
pub(crate) async fn misbehave(
    connection: &Connection,
    operation: Operation<'_>,
    ticket: Ticket,
    admission: Admission,
) -> Answer {
    let Admission { allowance, strike: Strike { latency, effect, .. } } = admission;
    ticket.wait(latency).await;
    let answer = match effect {
        None | Some(FaultEffect::Latency(_)) => ticket.perform(operation),
        Some(FaultEffect::Status { status, code, retry_after_seconds }) => {
            let answer = match code {
                Some(code) => Answer::from(Refusal::with_status(code, status)),
                None => Answer::html(status),
            };
            retry_after_seconds.into_iter().fold(answer, Answer::retry_after)
        }
        Some(FaultEffect::HtmlBody) => Answer::html(200),
        Some(FaultEffect::SuccessFalse) => Answer::no(),
        Some(FaultEffect::RedirectTo(address)) => Answer::redirect(&address),
        Some(FaultEffect::TruncatedBody) => ticket.perform(operation).truncated(),
        Some(FaultEffect::EmptyBody) => ticket.perform(operation).emptied(),
        Some(FaultEffect::OversizedBody) => ticket.perform(operation).oversized(),
        Some(FaultEffect::NeverAnswer) => pending().await,
        Some(FaultEffect::ResetBeforeApplying) => return reset(connection, ticket).await,
        Some(FaultEffect::ResetAfterApplying) => {
            ticket.perform(operation);
            return reset(connection, ticket).await;
        }
    };
    ticket.settle(answer, allowance.as_ref())
}

/// Never returns: the connection is dropped under it.
async fn reset(connection: &Connection, ticket: Ticket) -> Answer {
    ticket.leave_unanswered();
    connection.reset();
    pending().await
}
