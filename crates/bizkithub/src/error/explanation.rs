use serde::Serialize;

use super::ErrorKind;
use crate::protocol::ErrorCode;

/// What a code means, told at more length than an error has room for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The code: in small letters one of this client, in capitals one of the server.
    pub code: &'static str,
    /// The kind of the errors that have it.
    pub kind: ErrorKind,
    /// What happened, in a sentence without a full stop.
    pub meaning: &'static str,
    /// Why it happens; of the server's codes its own documentation tells.
    pub cause: Option<&'static str>,
    /// What to do now, in a sentence without a full stop.
    pub remedy: &'static str,
}

macro_rules! explanations {
    ($($code:ident $kind:ident: $meaning:literal, $cause:literal, $remedy:literal;)*) => {
        &[$(Explanation {
            code: stringify!($code),
            kind: ErrorKind::$kind,
            meaning: $meaning,
            cause: Some($cause),
            remedy: $remedy,
        }),*]
    };
}

/// Every code of this client, in the order of the alphabet.
const OWN: &[Explanation] = explanations! {
    addon_missing Internal: "the native addon of the npm package cannot be loaded",
        "There is no addon for this platform, or what was installed is not what was published: optional packages were left out, or `node_modules` \
         comes from another machine.",
        "install again on this machine without leaving optional packages out, or pass a `transport`, which needs no addon";
    allowed_groups_missing InvalidInput: "allowed groups are given, but name no group",
        "An expression of a host found nothing, which must not allow everything.",
        "give at least one, or leave the field out";
    api_key_file_unreadable InvalidInput: "the file that should hold the API key cannot be read, or is no text",
        "The path is wrong, the user may not read the file, or it holds more than a key.",
        "give a text file that holds nothing but the key";
    api_key_invalid InvalidInput: "the API key does not have the form of a key",
        "A part of it was not copied, or white space was copied with it. Nothing was sent: the server would answer 404, as for a customer that it \
         does not know.",
        "copy the whole key: `PROD`, `DEV_` or `ROOT`, then 28 letters or digits, 32 characters in all";
    api_key_missing InvalidInput: "no API key is given",
        "Neither a setting nor the environment variable `BIZKITHUB_API_KEY` names one.",
        "pass the key, or set `BIZKITHUB_API_KEY`";
    api_key_on_command_line InvalidInput: "the API key was put on the command line",
        "Arguments stand in the shell's history and in the list of processes, where others can read them, so that there is no such option.",
        "set `BIZKITHUB_API_KEY`, or use `--api-key-file`; if others work on this machine, make a new key";
    api_key_sample InvalidInput: "the API key is the sample of BizKitHub's documentation",
        "The server refuses it, with a status that looks like a customer that it does not know.",
        "use the key of your own organisation";
    arrow_invalid InvalidInput: "bytes cannot be read as Arrow data",
        "They are no IPC stream or file of Arrow, are cut off, are compressed, or contradict themselves.",
        "pass an uncompressed Arrow IPC stream or file";
    arrow_unsupported InvalidInput: "this engine reads no Arrow data",
        "The WebAssembly engine leaves out what would make it large.",
        "pass the rows as objects, or use the native addon";
    base_url_insecure InvalidInput: "the base URL begins with http://",
        "The API key is a part of every request, and plain HTTP would show it to everybody on the way.",
        "use https://; http:// is accepted for this machine only (`localhost`, `127.0.0.1`, `[::1]`)";
    base_url_invalid InvalidInput: "the base URL cannot be read as an address",
        "It has no scheme, holds white space, a query, a user name or a fragment.",
        "give an address such as `https://api.bizkithub.com`, or leave it out";
    ca_file_invalid InvalidInput: "the CA file holds no certificate, or is no PEM",
        "A key, a certificate in DER or an empty file was given.",
        "give a PEM file of the certificate authorities to trust";
    ca_file_unreadable InvalidInput: "the CA file cannot be read",
        "The path is wrong, or the user may not read the file.",
        "give a PEM file of the certificate authorities to trust";
    client_closed InvalidInput: "a client was used after it was closed",
        "`close()` was called, or the block of its `with` statement has ended.",
        "make a new client, or close this one later";
    clock_missing InvalidInput: "a client without native code was built without a clock",
        "WebAssembly has no clock and no timers of its own; the host lends them.",
        "pass a clock to the builder";
    code_unknown InvalidInput: "the command was asked to explain a code that it does not know",
        "It is misspelt, it is a code of a newer version, or it is one that the server began to use.",
        "run `bizkithub explain` for a list; of the server's codes `https://docs.bizkithub.com/errors` has all";
    column_ambiguous InvalidInput: "a column that was named appears more than once",
        "Which of the two holds the values cannot be told.",
        "rename all but one of them";
    column_missing InvalidInput: "a column that was named does not exist, or none was named that could tell the customers",
        "The name is written in another way, a file has another separator than its columns are read with, or its first line does not name the \
         columns.",
        "take one of the names that the error lists, or name another separator";
    column_taken InvalidInput: "a table has the column already that a check would add to it",
        "It was checked before, or brings a column of that name.",
        "rename it, or drop what an earlier check has added";
    column_type_unsupported InvalidInput: "a column of a data frame holds values that are no texts",
        "Only texts, whole numbers, and numbers with a whole value have one form as a text; a date or a structure has many.",
        "convert the column to text first";
    connect_failed Network: "no connection to the server came about",
        "The network is down, a name cannot be resolved, a firewall is in between, or nothing listens at the address. Nothing was sent, so that \
         the request is tried again without a doubt.",
        "check the network, the base URL and the proxy settings";
    connection_lost Network: "the connection broke before the whole answer arrived",
        "The server may have done what it was asked, or not. Groups are only ever added, so that sending again changes nothing.",
        "try again; a run does so by itself";
    csv_empty InvalidInput: "a CSV file has no line",
        "It was made, but never written, or the path names another file than intended.",
        "give a file whose first line names the columns";
    csv_not_utf8 InvalidInput: "a line of a CSV file is not UTF-8",
        "It was saved with another encoding, such as Windows-1250. Reading it as another one would send wrong groups.",
        "save the file as UTF-8 (in Excel: CSV UTF-8)";
    csv_nul InvalidInput: "a line of a CSV file contains a NUL character",
        "Files in UTF-16, and files that are no text, contain such characters.",
        "save the file as UTF-8 text";
    csv_quote_open InvalidInput: "a quotation mark in a CSV file opens a cell that nothing closes",
        "The rest of the file would be one cell, and its rows would be lost.",
        "close it, or double a quotation mark that is a part of the text";
    csv_ragged InvalidInput: "a line of a CSV file has more or fewer cells than the header",
        "A cell contains the separator without quotation marks around it, or the line was cut off. What belongs where would be a guess.",
        "put quotation marks around cells that contain the separator, and correct the line";
    cu_ref_no_invalid InvalidInput: "a cuRefNo does not have the form of one",
        "The column holds something else, or a part of the value was not copied. A number that lost its leading zeros, or letters whose case was \
         changed, cannot be repaired.",
        "give exactly 16 letters and digits, whose case matters";
    customer_missing InvalidInput: "a row names no customer",
        "Its e-mail address and its cuRefNo are both empty.",
        "name the customer by e-mail or by cuRefNo, or take the row out";
    data_unreadable InvalidInput: "a data frame, or a stream of Arrow data, broke off or cannot be read",
        "What produces it failed, or it holds types that Arrow cannot export. The producer's own words may show data and are kept out.",
        "read it by itself to see why, such as into a pyarrow table";
    delimiter_invalid InvalidInput: "the separator of cells is none that can separate them",
        "It is more than one character, a quotation mark, a line break or no ASCII character.",
        "give one ASCII character, such as `;` or a tabulator";
    email_invalid InvalidInput: "an e-mail address does not have the form of one",
        "It has no @, an empty or too long part, white space, invisible characters, or a domain that cannot be one. Only the form is checked.",
        "correct the address, or name the customer by cuRefNo";
    email_too_long InvalidInput: "an e-mail address has more than 254 octets",
        "No mail server takes such an address (RFC 5321, section 4.5.3.1.3); most often another column was named.",
        "check that the right column holds the e-mail addresses";
    fault_invalid InvalidInput: "a fault of the sandbox is described in a way that it does not know",
        "A name is misspelt, or a number is out of range.",
        "correct the fault as the documentation of the sandbox describes it";
    file_unreadable InvalidInput: "an input file cannot be read",
        "The path is wrong, the user may not read it, or a folder holds a file of another kind.",
        "check the path and its permissions";
    file_unwritable InvalidInput: "a file, such as that of rejects or outcomes, cannot be written",
        "The folder does not exist, may not be written, or its disk is full.",
        "choose another path";
    files_unsupported InvalidInput: "this engine reads and writes no files",
        "The WebAssembly engine runs where there are none.",
        "pass the rows as objects, and read the outcomes from the report";
    forget_nothing InvalidInput: "the ledger was asked to forget, but not what",
        "Without a name everything would be forgotten, which must be said.",
        "name a customer (`--email`, `--cu-ref-no`), a `--group`, both, `--refusals` or `--everything`";
    format_unsupported InvalidInput: "this build of the client cannot read the format of the file",
        "It was built without the feature for it; the command, the wheel and the npm package have all of them.",
        "build it with the feature `parquet`, or save the file as CSV";
    group_empty InvalidInput: "a group is empty",
        "A list of groups has an empty element.",
        "name the group, or leave it out";
    group_invalid InvalidInput: "a group contains a line break or another control character",
        "Most often a quotation mark before it is never closed, so that a cell swallows the next lines.",
        "look for the quotation mark, or remove the character";
    group_is_api_key InvalidInput: "a group has the form of an API key",
        "The key stands in the wrong place. The server would make a group of that name, which everybody of the organisation sees.",
        "check that the right column holds the groups; if the key was real, make a new one";
    group_is_email InvalidInput: "a group is an e-mail address",
        "Most often the columns of addresses and of groups were swapped. The server would make a group for each customer, and a ledger would \
         keep the addresses as their names.",
        "name the right column; a group that is really called so can be given by its slug";
    group_not_allowed InvalidInput: "a group is not among those that are allowed",
        "The server makes a new group for every unknown name, also for a misspelt one; this plan was told which names are right.",
        "correct the name, or add it to the allowed groups";
    group_too_long InvalidInput: "a group has more characters than a name of a group can have",
        "Another column was named, or its groups are separated by another character.",
        "check that the right column holds the groups, and that its separator is `;` or `|`";
    group_without_slug InvalidInput: "a group has no letter or digit that its slug could keep",
        "The server tells groups apart by slugs of small letters, digits and hyphens, and nothing would be left of this one.",
        "name the group with letters or digits";
    groups_missing InvalidInput: "a customer has no groups, or no column and no group was named",
        "A cell or a list is empty, or the plan was not told where the groups are.",
        "name the column of groups, give groups for all rows, or take the row out";
    input_changed InvalidInput: "the input file is another one than when it was planned",
        "It was written between the plan and the rejects, whose rows are read from it again.",
        "plan the file again; what was sent is not sent again";
    input_not_rereadable InvalidInput: "rejects were asked for of an input that can be read only once",
        "A pipe is gone once it is read, and rejects are written from the rows as they were.",
        "save it to a file first";
    internal Internal: "the client did something that it never should",
        "This is a defect of the client. What a report counts is right nevertheless, and running again goes on.",
        "report it with the message, please";
    key_placement_invalid InvalidInput: "the host is to authenticate the requests, but performs none",
        "`keyPlacement: \"host\"` is for hosts that pass a transport and add the key by themselves.",
        "pass a transport, or let the requests carry the key";
    ledger_corrupt Ledger: "the ledger is damaged",
        "Its disk, or a program that wrote into the file, changed it. SQLite noticed, so that nothing wrong is counted.",
        "restore it, or begin a new one: who has the groups already is sent again, which changes nothing at the server";
    ledger_failed Ledger: "the ledger cannot be read or written",
        "Its disk or its database server failed; the message has the reason.",
        "mend that, then run again: nothing that a report counts is lost";
    ledger_folder_unknown InvalidInput: "the command does not know where to keep its ledger",
        "The user has no home folder.",
        "set `HOME`, or choose a place with `--ledger`, or use `--no-ledger`";
    ledger_folder_unusable InvalidInput: "the folder for the command's ledger cannot be made",
        "The user may not write there, or the disk is full.",
        "choose a place with `--ledger`, or use `--no-ledger`";
    ledger_foreign Ledger: "the file is no ledger",
        "The path names another database or another file. It was left as it is.",
        "choose another path for the ledger";
    ledger_forked Ledger: "a plan with a ledger was used in a process that was forked after it was made",
        "A forked process has no right to the database's locks, and none of the threads of its parent.",
        "make the plan after the fork";
    ledger_full Ledger: "there is no space left for the ledger",
        "The disk, or the quota of the user, is full. The run stopped: an answer that cannot be kept would be sent again.",
        "free some space and run again";
    ledger_location_invalid InvalidInput: "the location of the ledger is neither a path nor the URL of a PostgreSQL database",
        "The scheme, a parameter or the schema's name is not one that can be used.",
        "give a path such as `groups.ledger`, or a URL such as `postgresql://user@host/database?schema=bizkithub`";
    ledger_locked Ledger: "another process held the ledger for too long",
        "It is stopped while it writes, something backs up the file with a lock, or a transaction of the database was left open.",
        "wait for the other process, or end it; then run again";
    ledger_missing InvalidInput: "there is no ledger to look at",
        "No run has made one for this address and this key, or it is elsewhere.",
        "name one with `--ledger`; `bizkithub run` makes one";
    ledger_newer Ledger: "the ledger was written by a newer version of this client",
        "It may hold what this version does not know, so that it was left alone.",
        "update the client, or choose another ledger";
    ledger_of_another_key Ledger: "the ledger belongs to another API key",
        "Answers of one organisation say nothing about another, and the client cannot tell whether both keys belong to the same.",
        "if the key was replaced within the organisation, accept the new one (`--accept-key`, `accept_key`); otherwise choose another ledger";
    ledger_of_another_server Ledger: "the ledger belongs to another address of the API",
        "What the sandbox acknowledged, the service has never seen.",
        "choose another ledger for this server";
    ledger_on_network Ledger: "the ledger would be on a network file system",
        "Locks do not hold there, and two processes would damage the file.",
        "choose a local path, or a PostgreSQL URL to share a ledger between hosts";
    ledger_read_only Ledger: "the ledger may not be written",
        "The file, its folder, or the tables of the database may only be read by this user.",
        "give the user the right to write";
    ledger_unusable Ledger: "the ledger cannot be opened or reached",
        "A folder does not exist, the database server does not answer, a certificate is not trusted, or the user is unknown to it.",
        "check the path or the URL, and the rights of the user";
    ndjson_invalid InvalidInput: "a line of an NDJSON file is no JSON object",
        "An object stands on several lines, a line was cut off, or the file is one JSON array.",
        "write one complete JSON object a line, in UTF-8";
    not_a_sandbox InvalidInput: "what answers at the URL is no sandbox",
        "It ended, and another program took its port, or the URL is that of something else.",
        "give the URL that `bizkithub sandbox` printed";
    not_the_api Server: "what answers at the base URL is not the API",
        "The address is that of a web site, or has one path too many.",
        "correct the base URL";
    otlp_endpoint_invalid InvalidInput: "the address of the OpenTelemetry collector cannot be read",
        "It is neither http:// nor https://, or has a query.",
        "give the address of its OTLP receiver for HTTP, such as `http://localhost:4318`";
    otlp_failed Network: "the OpenTelemetry collector did not take all spans and metrics",
        "It is not there, answers with an error, or takes too long. Nothing of the job is lost by it.",
        "check its address, and that it receives OTLP over HTTP";
    outcomes_format_unknown InvalidInput: "the name of the file of outcomes does not tell its format",
        "The format follows the ending of the name.",
        "give it a name that ends with `.csv`, `.ndjson` or `.jsonl`";
    output_missing InvalidInput: "what was asked for is no JSON, and standard output is kept for the JSON of `--json`",
        "`ledger export` writes lines of CSV.",
        "say where to write them with `--output`, or leave `--json` out";
    output_unwritable InvalidInput: "standard output cannot be written",
        "It leads to a full disk, or to a device that fails.",
        "check where it leads to";
    parquet_invalid InvalidInput: "a file cannot be read as Parquet",
        "It is cut off, encrypted, or contradicts itself.",
        "check that it is a complete Parquet file, written to its end";
    proxy_authentication_required Network: "the proxy asks for a user name and a password",
        "The company's proxy lets only those out whom it knows.",
        "put them into the proxy's address: `http://user:password@proxy.example:3128`";
    proxy_insecure InvalidInput: "a proxy would see the API key",
        "The base URL is plain http://, which a proxy reads; of https:// it sees a tunnel only.",
        "leave the proxy out, or use an https:// base URL";
    proxy_invalid InvalidInput: "the address of the proxy cannot be read",
        "It is neither http:// nor https://, or is misspelt.",
        "give an address such as `http://proxy.example:3128`";
    quota_invalid InvalidInput: "the quota cannot be read",
        "It is neither a number of requests for a time nor the name of a plan.",
        "write requests and time, such as `10000/h` or `1000/10min`, or a plan: `free`, `starter`, `professional`";
    quota_window_empty InvalidInput: "the window of the sandbox's quota has no length",
        "A quota counts requests in a time, which must be more than nothing.",
        "give a window of more than zero seconds";
    redirect_refused Server: "the server redirects elsewhere",
        "The API never does so. The client follows no redirect, because the API key would be sent along.",
        "correct the base URL; look for a portal or a proxy in between";
    rejects_replace_input InvalidInput: "the rejects would replace the input, or become a file of its folder",
        "The rows would be gone, or would be read as rows the next time.",
        "choose another path for the rejects";
    rejects_without_file InvalidInput: "rejects were asked for of rows that came from no file",
        "Rejects are the lines of the input as they were; rows of memory have none.",
        "find the rejected rows by their numbers in `report.outcomes` or `plan.refusals`";
    reserve_invalid InvalidInput: "the reserve is no share of the quota, or all of it",
        "It is below 0, 1 or more, or no number.",
        "give a number from 0 to below 1, such as 0.2";
    response_empty Server: "the answer has no body",
        "Nothing confirms the request, so that it does not count as sent.",
        "check the base URL, and any proxy or portal between here and BizKitHub; running again sends it again";
    response_not_json Server: "the answer is not JSON",
        "It comes from a portal, a proxy or another server, not from the API.",
        "check the base URL, and any proxy or portal between here and BizKitHub";
    response_too_large Server: "the answer is larger than 1 MiB",
        "The API never sends so much, and reading on could fill the memory.",
        "check the base URL, and any proxy or portal between here and BizKitHub";
    response_truncated Server: "the answer ends in the middle of its JSON",
        "Something between here and BizKitHub cut it off. It does not count as sent.",
        "check any proxy in between; running again sends it again";
    response_unexpected Server: "the server answered without saying that it succeeded",
        "The answer is JSON, but has neither `success: true` nor a code.",
        "check the base URL; running again sends it again";
    rows_expected InvalidInput: "the rows, or one of them, have no form that is known",
        "A row is a mapping, a tuple or a list; rows are an iterable of them, a data frame or a path.",
        "pass one of these";
    sandbox_address_unavailable InvalidInput: "the sandbox cannot listen on the address",
        "Another program has the port, or the address is none of this machine.",
        "choose another port, or 0 for any free one";
    sandbox_file_unreadable InvalidInput: "a file of the sandbox's settings cannot be read",
        "The path is wrong, or the file is no JSON of the form that is described.",
        "give a JSON file as `bizkithub sandbox --help` describes it";
    sandbox_option_invalid InvalidInput: "an option of the sandbox is not one that it knows",
        "A name is misspelt, or a value is out of range.",
        "see the documentation of the sandbox";
    sandbox_remote InvalidInput: "other machines could connect to the sandbox, unencrypted",
        "It listens on another address than this machine's own.",
        "leave `--host` out, or say `--allow-remote`";
    sandbox_url_invalid InvalidInput: "what was given is not the URL of a sandbox",
        "A sandbox has an address such as `http://127.0.0.1:40123`.",
        "give the URL that the sandbox printed";
    sandbox_url_missing InvalidInput: "no URL of a sandbox is given",
        "Neither an argument nor `BIZKITHUB_BASE_URL` names one.",
        "give the URL that the sandbox printed";
    setting_invalid InvalidInput: "a setting has a value that it cannot have",
        "A choice is misspelt, or a number is negative or none.",
        "take one of the values that the error names";
    setting_unknown InvalidInput: "there is no setting of that name",
        "It is misspelt, or one of another call. Leaving it out in silence would do something else than was meant.",
        "take one of the names that the error lists";
    status_unexpected Server: "the answer has an HTTP status that the API does not use",
        "Something else answers, or the API has changed.",
        "check the base URL, and any proxy or portal between here and BizKitHub";
    success_false Server: "the server answered `success: false` without a code",
        "It refused, and did not say why in a way that can be decided by. The customer does not count as sent.",
        "read the server's words in the message; running again sends it again";
    text_broken InvalidInput: "a text contains half of a character",
        "Bytes were decoded with the wrong encoding, or a text was cut within a character.",
        "decode the bytes that it came from with their real encoding";
    text_expected InvalidInput: "a value is given where a text is expected",
        "A number, a date or nothing stands where a name should.",
        "pass a text; convert a column of a data frame to text first";
    text_list_expected InvalidInput: "a list of texts is expected",
        "A single text was given, whose letters would each be a group.",
        "pass a list, such as `[\"vip\"]`";
    timeout Network: "no answer came within the timeout",
        "The server is busy, or something in between swallows packets. It may have done what it was asked; a re-send changes nothing.",
        "try again, or allow a longer timeout";
    timeout_invalid InvalidInput: "a timeout of zero leaves no time for an answer",
        "Zero often means for ever elsewhere; here nothing waits for ever.",
        "leave it out for the default, or give a longer one";
    tls_failed Network: "no secure connection to the server came about",
        "Its certificate is not trusted, has expired, is for another name, or the server speaks TLS 1.1 or older. Nothing was sent.",
        "check the base URL; behind a company proxy, pass its certificate authority as the CA file";
    tls_unavailable InvalidInput: "the system's certificate authorities cannot be loaded",
        "A slim container has none.",
        "install them (package `ca-certificates`), or pass a CA file";
    transport_failed Network: "the host's own HTTP failed in a way that it did not name",
        "A transport threw an error that says neither that nothing was sent nor that the connection broke.",
        "correct what the message names; a re-send is safe";
    transport_missing InvalidInput: "this build of the client has no HTTP of its own",
        "It is made for hosts that perform the requests.",
        "pass a transport";
    usage InvalidInput: "the command was called in a way that it does not know",
        "An option is misspelt, lacks its value, or does not go with another one.",
        "read `bizkithub --help`, or that of the subcommand";
    user_agent_invalid InvalidInput: "the user agent contains a character that no header may hold",
        "It has a line break or letters beyond ASCII.",
        "name the program in visible ASCII characters";
    value_not_text InvalidInput: "a value of a row has no form as a text",
        "It is a date, a fraction, a truth value or a structure; which text was meant would be a guess.",
        "convert the value to text first";
};

impl Explanation {
    /// Every code that this client gives or knows: its own, then the server's.
    pub fn all() -> impl Iterator<Item = Self> {
        OWN.iter().copied().chain(ErrorCode::ALL.iter().map(|known| Self {
            code: known.code,
            kind: known.kind,
            meaning: known.meaning,
            cause: None,
            remedy: known.advice,
        }))
    }

    /// What is known of a code. Codes are stable: the meaning of one never changes.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::all().find(|explanation| explanation.code == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_and_stand_in_order() {
        assert!(OWN.is_sorted_by_key(|explanation| explanation.code));
        for explanation in Explanation::all() {
            assert_eq!(Explanation::of(explanation.code), Some(explanation), "{} stands twice", explanation.code);
            for text in [explanation.meaning, explanation.remedy] {
                assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
            }
            assert!(
                explanation.cause.is_none_or(|cause| cause.ends_with('.') && !cause.contains("  ")),
                "{explanation:?}"
            );
        }
        assert_eq!(Explanation::of("no_such_code"), None);
    }
}
