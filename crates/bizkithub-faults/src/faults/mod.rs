//! The table of faults.

mod answers;
mod clocks;
mod crashes;
mod endurance;
mod hostile_rows;
mod ledger_files;
mod networks;
mod quotas;
mod secure_connections;

use crate::driver::Driver;
use crate::fault::{Fault, Needs};

const RUST: &[Driver] = &[Driver::Rust];
const BINDINGS: &[Driver] = &[Driver::Python, Driver::Node];
const ALL: &[Driver] = &Driver::ALL;

macro_rules! table {
    ($($number:literal, $name:literal, $tool:literal, $drivers:ident, $needs:ident, $attempt:path, $criterion:literal;)*) => {
        /// Every fault of the campaign.
        pub(crate) const FAULTS: &[Fault] = &[$(Fault {
            number: $number,
            name: $name,
            tool: $tool,
            drivers: $drivers,
            criterion: $criterion,
            needs: Needs::$needs,
            attempt: $attempt,
        }),*];
    };
}

table! {
    1, "SIGKILL at the Nth I/O call, for every N", "strace", RUST, Nothing, crashes::kill_at_every_call,
        "the ledger knows nothing that did not arrive; sent again: the requests under way and one commit group at most";
    2, "Power cut on ext4 and xfs", "loop device, `shutdown` call", RUST, Root, crashes::power_cut,
        "all that a report counted is known; without fsync (eatmydata) something is lost";
    3, "Crash during the ledger's recovery, at every call", "strace", RUST, Nothing, crashes::crash_during_recovery,
        "the ledger then knows what it knew";
    4, "EIO and ENOSPC at every call of the ledger", "strace", RUST, Nothing, crashes::failing_writes,
        "what was counted is known";
    5, "Writes cut short at every length", "prlimit", RUST, Nothing, crashes::short_writes,
        "what was counted is known";
    6, "Disk full, then freed, on ext4 and xfs", "loop device", RUST, Root, crashes::full_disk,
        "the run stops and says that the ledger is full";
    7, "Two processes, one of them stopped with its locks", "SIGSTOP", ALL, Nothing, ledger_files::two_processes,
        "the other reports; what it counted is known";
    8, "Another SQLite reads, holds, checkpoints and rewrites the ledger", "Python's sqlite3", ALL, Nothing, ledger_files::another_sqlite,
        "what was counted is known";
    9, "Flipped bits in the ledger", "own", RUST, Nothing, ledger_files::flipped_bits,
        "told as damage, or sent again; never counted as known";
    10, "Another file and other settings on the ledger of a killed run", "own", ALL, Nothing, ledger_files::another_job,
        "each assignment is counted by itself";
    11, "SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGKILL in mid-run", "kill", ALL, Nothing, crashes::signals,
        "what was counted is known";
    12, "The client's clock two hours wrong, or jumping", "libfaketime", ALL, Nothing, clocks::clock_jumps,
        "the quota is waited for as long as the server's clock says";
    13, "Suspended for longer than the timeout", "SIGSTOP", ALL, Nothing, clocks::suspend,
        "the run goes on";
    14, "`Retry-After` in every form, and a quota that never comes back", "scripted server", ALL, Nothing, quotas::retry_after,
        "short waits are waited, long ones end the run with the moment to resume; at most 4 requests a second";
    15, "Quota used up for a day", "sandbox, faketime", ALL, Nothing, quotas::used_up_for_a_day,
        "no request within the window";
    16, "Quota headers in every form, missing, contradictory", "scripted server", RUST, Nothing, quotas::quota_headers,
        "done, or the moment to resume";
    17, "30 % and 100 % 5xx", "sandbox", ALL, Nothing, quotas::failing_server,
        "at most 10 % and ten extra requests; in an outage 1 a second until it heals, and no row is lost";
    18, "Answer lost after applying", "sandbox", ALL, Nothing, answers::lost_after_applying,
        "unknown or applied, never pending";
    19, "Reset at every byte of an answer", "fault proxy", ALL, Nothing, answers::reset_at_every_byte,
        "tried again and applied";
    20, "Keep-alive race", "nginx", RUST, Nothing, networks::keep_alive_race,
        "0 errors; a plain client loses requests";
    21, "Black hole, RST, 30 % loss, 64 kbit/s", "nftables, tbf, network namespace", ALL, Network, networks::bad_network,
        "ends by its deadline; a slow network is no fault";
    22, "DNS absent, without the name, wrong, changing", "dnsmasq, network namespace", ALL, Network, networks::name_resolution,
        "nothing sent is lost; the changed name is followed";
    23, "Answers and requests late, slow, in pieces, or cut", "fault proxy", ALL, Nothing, answers::slow_loris,
        "ends by its timeout";
    24, "Truncated, empty, HTML, too large, `success: false`", "sandbox", ALL, Nothing, answers::no_yes,
        "never counted as sent";
    25, "Endless, compressed, deeply nested, malformed answers", "scripted server", ALL, Nothing, answers::hostile_bodies,
        "at most 16 MB above a run without a fault";
    26, "30x to another host", "scripted server", ALL, Nothing, answers::redirects,
        "no connection there";
    27, "Eleven bad certificates, TLS 1.0 and 1.1, no TLS", "rustls, openssl", ALL, Nothing, secure_connections::certificates,
        "refused, and nothing sent; a given authority is accepted";
    28, "Corporate proxy: tunnel, 407, interception", "tinyproxy", ALL, Nothing, secure_connections::corporate_proxy,
        "the key is in nothing that the proxy sees";
    29, "HTTP/2 GOAWAY and REFUSED_STREAM", "h2", ALL, Nothing, secure_connections::http2,
        "each customer is answered exactly once";
    30, "Key revoked in mid-run", "sandbox", ALL, Nothing, answers::revoked_key,
        "stops within the requests under way";
    31, "Hostile rows: formulas, line ends, bidi, 1 MB cells", "own", ALL, Nothing, hostile_rows::hostile_rows,
        "no formula in a file, no command in a terminal";
    32, "A million calls, ten thousand clients", "own", BINDINGS, Nothing, endurance::many_calls_and_clients,
        "memory stays flat";
    33, "Chaos: random faults under random drivers", "all of the above", ALL, Time, endurance::chaos,
        "every rule at once, for two hours";
}
