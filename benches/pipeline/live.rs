//! Sessions in real time: as many as wanted, each with five requests in ten seconds.

use std::time::{Duration, Instant};

use streamgauge::bus::{PlainProducer, Properties};

use crate::Args;
use crate::measure::{Figures, Stopwatch, child};
use crate::parts::{Part, create_topics, now_ms, send, session};

/// Works while the sessions play in a process of their own.
pub(crate) fn work(args: &Args) -> Figures {
    create_topics(args);
    session(args, &|_| {
        child(Part::Play, args);
    })
}

/// Produces each session's requests two seconds apart, as they would be logged.
#[allow(clippy::disallowed_methods, reason = "requests are made in real time")]
pub(crate) fn play(args: &Args) -> Figures {
    let producer = PlainProducer::new(&Properties::for_brokers(&args.brokers)).expect("a client");
    let sessions = u64::from(args.live_sessions);
    let per_second = sessions / 2;
    let mut figures = Figures::default();
    let stopwatch = Stopwatch::start();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(args.live_seconds) {
        let due = u64::try_from(started.elapsed().as_micros()).expect("not that long") * per_second / 1_000_000;
        let seconds = now_ms() as f64 / 1000.0;
        while figures.events < due {
            let (session, request) = (figures.events % sessions, figures.events);
            let id = format!("{:08x}-5b2a-4c1d-9e3f-{session:012x}", session.wrapping_mul(0x9e37_79b9) as u32);
            let edge = session % 64;
            let payload = format!(
                "CMCD=bl%3D12000%2Cbr%3D3000%2Ccid%3D%22title-{}%22%2Cd%3D4000%2Cmtp%3D25000%2Cot%3Dv%2Csf%3Dd%2Csid%3D%22{id}%22%2Cst%3Dv%2Ctb%3D6000",
                session % 1000
            );
            let line = format!(
                "{seconds:.3}\t0.045\t200\t1500000\tEDGE{edge:02}-P1\t{request:016x}-request-id-as-long-as-cloudfront's==\t0.180\t{payload}\tHit"
            );
            send(&producer, args, None, Some(id.into_bytes()), line.into_bytes());
            figures.events += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    producer.flush(Duration::from_secs(60)).expect("everything is delivered");
    stopwatch.stop(&mut figures);
    figures
}
