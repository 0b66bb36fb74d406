//! Networks that lose, slow down and refuse, names that lead nowhere or elsewhere, and connections that end while they are used.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bizkithub::{Client, Customer, parse_groups};

use crate::background::{Background, free_port, wait_for};
use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::stage::Stage;
use crate::tls_front::{Authority, TlsFront};
use crate::tools::run;

/// How long nginx keeps an idle connection open.
const IDLE: Duration = Duration::from_millis(100);

/// A server that closes idle connections, just when the next request leaves on them.
pub(crate) fn keep_alive_race(trial: &Trial) -> Result<Finding> {
    const CLIENTS: u64 = 32;
    let calls = trial.times(12, 300);
    let stage = Stage::new(1)?;
    let port = free_port()?;
    let settings = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}\n\
         http {{ access_log off; keepalive_timeout {idle}ms; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {url}; }} }} }}",
        folder = stage.folder().display(),
        idle = IDLE.as_millis(),
        url = stage.sandbox.url(),
    );
    stage.write("nginx.conf", settings)?;
    let settings = stage.path("nginx.conf").display().to_string();
    let _nginx = Background::start("nginx", &["-c", &settings])?;
    wait_for(port)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let customer = Customer::parse(Some("customer1@example.com"), None)?;
    let groups = parse_groups(["vip"])?;
    let clients = (0..CLIENTS).map(|number| {
        let builder = Client::builder().api_key(&stage.key).base_url(format!("http://127.0.0.1:{port}"));
        let (customer, groups, mut random) = (customer.clone(), groups.clone(), trial.random(number));
        async move {
            let (client, mut races) = (builder.build()?, 0);
            for _ in 0..calls {
                let receipt = client.add_groups(&customer, &groups).await.context("a call failed")?;
                races += u64::from(receipt.attempts > 1);
                tokio::time::sleep(around_the_limit(&mut random)).await;
            }
            Ok::<u64, anyhow::Error>(races)
        }
    });
    let clients: Vec<_> = clients.collect();
    let retried: u64 = runtime.block_on(async {
        let tasks: Vec<_> = clients.into_iter().map(tokio::spawn).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await??;
        }
        Ok::<u64, anyhow::Error>(sum)
    })?;
    let lost = plain_client(trial, port, calls * 4)?;
    ensure!(lost > 0, "no connection was closed under a request of a plain client: the race was not met");
    let tried = calls * 4 * PLAIN_CLIENTS;
    let share = lost as f64 / tried as f64 * 100.0;
    let calls = calls * CLIENTS;
    Ok(Finding::noting(
        calls,
        format!("0 errors in {calls} calls, {retried} tried again; a plain client loses {share:.0} %"),
    ))
}

/// A moment about when the server gives up, on either side of it.
fn around_the_limit(random: &mut fastrand::Rng) -> Duration {
    IDLE - Duration::from_millis(2) + Duration::from_micros(random.u64(0..4_000))
}

const PLAIN_CLIENTS: u64 = 8;

/// Clients that send on a connection until it fails. Returns how many requests they lose.
fn plain_client(trial: &Trial, port: u16, calls: u64) -> Result<u64> {
    let clients = (0..PLAIN_CLIENTS).map(|number| {
        let mut random = trial.random(1_000 + number);
        thread::spawn(move || -> Result<u64> {
            let (mut connection, mut lost) = (None::<TcpStream>, 0);
            for _ in 0..calls {
                let mut stream = match connection.take() {
                    Some(stream) => stream,
                    None => TcpStream::connect(("127.0.0.1", port))?,
                };
                let request = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
                let mut answer = [0; 4_096];
                let count =
                    stream.write_all(request.as_bytes()).and_then(|()| stream.read(&mut answer)).unwrap_or_default();
                lost += u64::from(count == 0);
                thread::sleep(around_the_limit(&mut random));
                connection = (count > 0).then_some(stream);
            }
            Ok(lost)
        })
    });
    let clients: Vec<_> = clients.collect();
    clients.into_iter().map(|client| client.join().map_err(|_| anyhow::anyhow!("a plain client panicked"))?).sum()
}

/// Brings up the network that this process is alone in.
fn own_network() -> Result<()> {
    run("ip", &["link", "set", "lo", "up"]).map(drop)
}

/// What may be wrong with a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Badness {
    Swallowing,
    Resetting,
    Losing,
    Slow,
}

impl Badness {
    fn begin(self, port: u16) -> Result<()> {
        let rule = match self {
            Self::Swallowing => "counter drop",
            Self::Resetting => "counter reject with tcp reset",
            Self::Losing => "numgen random mod 100 < 30 counter drop",
            Self::Slow => {
                let modem = "qdisc add dev lo root tbf rate 64kbit burst 3000 latency 400ms";
                return run("tc", &modem.split(' ').collect::<Vec<_>>()).map(drop);
            }
        };
        let table = format!(
            "table inet faults {{\nchain input {{\ntype filter hook input priority 0;\ntcp dport {port} {rule}\n}}\n}}\n"
        );
        let path = tempfile::NamedTempFile::new()?;
        fs::write(path.path(), table)?;
        run("nft", &["-f", &path.path().display().to_string()]).map(drop)
    }

    /// Ends it. Returns how many packets it struck.
    fn end(self) -> Result<u64> {
        let (told, before) = match self {
            Self::Slow => (run("tc", &["-s", "qdisc", "show", "dev", "lo"])?, "overlimits "),
            _ => (run("nft", &["list", "table", "inet", "faults"])?, "packets "),
        };
        match self {
            Self::Slow => run("tc", &["qdisc", "del", "dev", "lo", "root"])?,
            _ => run("nft", &["delete", "table", "inet", "faults"])?,
        };
        let told = String::from_utf8(told.stdout)?;
        let number = told.split_once(before).and_then(|(_, rest)| rest.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).with_context(|| format!("no count of packets is in {told}"))
    }
}

/// A network that swallows packets, answers with resets, loses a third, or is as slow as a modem.
pub(crate) fn bad_network(trial: &Trial) -> Result<Finding> {
    own_network()?;
    let customers = trial.times(10, 60);
    let (mut executions, mut packets) = (0, 0);
    for &driver in trial.drivers() {
        for (badness, begins_later) in [
            (Badness::Swallowing, false),
            (Badness::Swallowing, true),
            (Badness::Resetting, true),
            (Badness::Losing, false),
            (Badness::Slow, false),
        ] {
            let stage = Stage::new(if begins_later { 3_000 } else { customers })?;
            let port = stage.sandbox.address().port();
            let job = Job { timeout: Duration::from_secs(2), deadline: Duration::from_secs(30), ..Job::default() };
            let short = Job { deadline: Duration::from_secs(4), ..job.clone() };
            let job = if badness == Badness::Swallowing { short } else { job };
            let finished = if begins_later {
                let mut run = stage.spawn(driver, &job)?;
                run.must_reach(500)?;
                badness.begin(port)?;
                run.finish()?
            } else {
                badness.begin(port)?;
                stage.run(driver, &job).with_context(|| format!("{badness:?}"))?
            };
            let struck = badness.end()?;
            ensure!(struck > 0, "{badness:?} struck no packet");
            packets += struck;
            let counts = finished.must_report()?;
            match badness {
                Badness::Swallowing => ensure!(counts.pending + counts.unknown > 0, "who answered? {finished}"),
                Badness::Slow => ensure!(counts.applied == customers, "a slow network is no fault: {finished}"),
                Badness::Resetting | Badness::Losing => {}
            }
            stage.completes(driver, &job, counts.counted())?;
            executions += 1;
        }
    }
    Ok(Finding::noting(executions, format!("{packets} packets struck")))
}

/// A name server for one name.
struct NameServer(#[expect(dead_code, reason = "it ends when it is dropped")] Background);

impl NameServer {
    fn start(answer: &str) -> Result<Self> {
        let arguments = [
            "--no-daemon",
            "--no-resolv",
            "--no-hosts",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--local-ttl=1",
        ];
        let answer =
            if answer.is_empty() { "--local=/test/".to_owned() } else { format!("--address=/api.test/{answer}") };
        let server = Self(Background::start("dnsmasq", &[&arguments[..], &[&answer, "--user=root"]].concat())?);
        wait_for(53)?;
        Ok(server)
    }
}

/// No name server, one that knows no such name, one that leads to an address where nobody listens, and one that changes its mind.
pub(crate) fn name_resolution(_: &Trial) -> Result<Finding> {
    own_network()?;
    let stage = Stage::new(2_000)?;
    stage.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")?;
    run("mount", &["--bind", &stage.path("resolv.conf").display().to_string(), "/etc/resolv.conf"])?;
    let authority = Authority::new()?;
    stage.write("ca.pem", &authority.pem)?;
    stage.write("few.csv", crate::stage::rows(1..=3))?;
    let front = |address: &str| {
        TlsFront::start_at(address, authority.server(&["api.test"], false, |_| ())?, stage.sandbox.address())
    };
    let job = Job {
        base_url: Some("https://api.test:4433".to_owned()),
        ca_file: Some("ca.pem".to_owned()),
        deadline: Duration::from_secs(30),
        ..Job::default()
    };
    let mut executions = 0;
    for driver in Driver::ALL {
        stage.clear(&stage.path("groups.ledger"))?;
        let few = Job { file: "few.csv".to_owned(), ..job.clone() };
        for (what, answer) in [("no server", None), ("no such name", Some("")), ("nobody there", Some("127.0.0.9"))] {
            let _names = answer.map(NameServer::start).transpose()?;
            let finished = stage.run(driver, &few).context(what)?;
            ensure!(finished.must_report()?.pending == 3, "{what}: {finished}");
            executions += 1;
        }
        let (names, first) = (NameServer::start("127.0.0.2")?, front("127.0.0.2:4433")?);
        let mut run = stage.spawn(driver, &job)?;
        run.must_reach(500)?;
        // The service moves: the name leads elsewhere, and what is connected is cut.
        let second = front("127.0.0.3:4433")?;
        drop(names);
        let _names = NameServer::start("127.0.0.3")?;
        drop(first);
        let finished = run.finish()?;
        let counts = finished.must_report()?;
        ensure!(second.handshakes() > 0, "nobody followed the name: {finished}");
        stage.completes(driver, &job, counts.counted())?;
        executions += 1;
    }
    run("umount", &["/etc/resolv.conf"])?;
    Ok(Finding::of(executions))
}
