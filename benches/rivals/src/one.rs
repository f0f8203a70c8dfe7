//! One measurement of one contender, in a process of its own.
//!
//! Every measurement begins with the same heap, and no threads that the one before it left behind;
//! one that crashes or hangs ends alone.

use crate::work::{Figure, Work};
use mainspring_perf::error::Error;
use mainspring_perf::floors::spin;
use mainspring_perf::lab::Lab;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The word that makes a process of this program a measurement.
pub const WORD: &str = "measure-one";
/// How long each of the two probes takes.
const PROBE: Duration = Duration::from_millis(2);
/// How long a measurement may take: a multiple of what it is given, and a time to begin and end,
/// as some work has a size and no length.
const LATE: (u32, Duration) = (10, Duration::from_secs(40));

/// What is to be measured.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// By whom.
    pub contender: String,
    /// What.
    pub work: Work,
    /// For how long.
    pub length: Duration,
    /// The two CPUs, if there are two.
    pub cpus: Option<(usize, usize)>,
    /// How many messages a mailbox or a queue is for.
    pub capacity: usize,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    /// The contender is not made for this work.
    NotMadeForIt,
    /// It went wrong.
    Failed(String),
    /// It went well.
    Measured(Measured),
}

/// One figure, and what has to be known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// The mean time of one operation or the median of single latencies, in nanoseconds; or bytes.
    pub value: f64,
    /// The 99th percentile, of single latencies, if at least ten lie beyond it.
    pub p99: Option<f64>,
    /// The 99.9th percentile, likewise.
    pub p999: Option<f64>,
    /// How many single latencies there are.
    pub latencies: Option<u64>,
    /// The bare round trip before and after, in nanoseconds, where there are two CPUs.
    pub probes: Option<[f64; 2]>,
    /// What the engine had to say.
    pub warnings: Vec<String>,
}

/// Does what the order says, here; the answer goes to the one who started this process.
pub fn measure(order: &str) -> Result<String, Error> {
    let order: Order = serde_json::from_str(order)
        .map_err(|error| Error::Usage(format!("{WORD}: {error}; it is for internal use")))?;
    let answer = look_up_and_measure(&order);
    serde_json::to_string(&answer)
        .map_err(|error| Error::System { what: "an answer".into(), error: error.into() })
}

fn look_up_and_measure(order: &Order) -> Answer {
    let everybody = crate::contenders();
    let Some(contender) = everybody.iter().find(|one| one.name == order.contender) else {
        return Answer::Failed("there is no such contender".into());
    };
    let lab = Lab::open(order.cpus, order.capacity);
    let before = probe(&lab);
    match (contender.measure)(&lab, order.work, order.length) {
        None => Answer::NotMadeForIt,
        Some(Err(failure)) => Answer::Failed(failure.to_string()),
        Some(Ok(figure)) => {
            let probes = before.zip(probe(&lab)).map(|(before, after)| [before, after]);
            Answer::Measured(Measured { probes, warnings: lab.warnings(), ..figure.into() })
        }
    }
}

fn probe(lab: &Lab) -> Option<f64> {
    lab.cpus?;
    spin::ping_pong(lab, PROBE).ok().map(|sample| sample.value())
}

impl From<Figure> for Measured {
    fn from(figure: Figure) -> Self {
        let (value, latencies) = match figure {
            Figure::Nanos(value) | Figure::Bytes(value) => (value, None),
            Figure::Latency(latencies) => (latencies.median(), Some(latencies)),
        };
        let quantile = |share| {
            let quantile = latencies.as_ref().and_then(|all| all.quantile(share));
            quantile.map(|nanos| nanos as f64)
        };
        Self {
            value,
            p99: quantile(0.99),
            p999: quantile(0.999),
            latencies: latencies.as_ref().map(|all| all.count()),
            probes: None,
            warnings: Vec::new(),
        }
    }
}

/// Has an order done in a process of its own, which is ended when it is late.
pub fn have_measured(order: &Order) -> Result<Answer, Error> {
    let failure = |error| Error::System { what: "a measuring process".into(), error };
    let text = serde_json::to_string(order).map_err(|error| failure(error.into()))?;
    let program = std::env::current_exe().map_err(failure)?;
    let mut command = Command::new(program);
    command.args([WORD, &text]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failure)?;
    let late = order.length * LATE.0 + LATE.1;
    let (stdout, stderr) = (listen(child.stdout.take()), listen(child.stderr.take()));
    let stdout = stdout.recv_timeout(late).ok();
    if stdout.is_none() {
        // It may have ended this very moment.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failure)?;
    let Some(stdout) = stdout else {
        return Ok(Answer::Failed(format!("not done within {late:?}")));
    };
    // Others may have printed something before.
    let answer = stdout.trim_end().lines().next_back().map(serde_json::from_str);
    if let Some(Ok(answer)) = answer {
        return Ok(answer);
    }
    let stderr = stderr.recv_timeout(late).unwrap_or_default();
    let why = stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Ok(Answer::Failed(format!("{status} {why}").trim_end().to_owned()))
}

/// All that comes out of a pipe, when it has ended.
fn listen(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (done, is_done) = channel();
    // It ends with the child.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is as good as any; nobody may wait for it any more.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        let _ = done.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    is_done
}
