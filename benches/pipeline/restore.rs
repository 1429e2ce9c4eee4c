//! How fast the saved lives of sessions are read back.

use std::time::{Duration, Instant};

use streamgauge::bus::{Admin, Error, Outgoing, PlainProducer, Properties, StateReader, TopicPartition, TopicSpec};
use streamgauge::engine::CarryStore;
use streamgauge::model::{Boundary, Carries as _};

use crate::Args;
use crate::measure::{Figures, Stopwatch};

const TOPIC: &str = "bench.restore";
const VERSION: u8 = 1;
/// What a life takes that was lived for a while.
const CARRY_BYTES: usize = 150;

pub(crate) fn run(args: &Args) {
    let properties = Properties::for_brokers(&args.brokers);
    let spec = TopicSpec { name: TOPIC.to_owned(), partitions: args.partitions, settings: [].into() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(Admin::new(&properties).expect("a client").create(&[spec], 1)).expect("the topic can be created");
    fill(&properties, args);
    let names: Vec<TopicPartition> =
        (0..args.partitions).map(|partition| TopicPartition { topic: TOPIC.to_owned(), partition }).collect();
    for run in 1..=3 {
        let mut stores: Vec<CarryStore> = names.iter().map(|_| CarryStore::new(VERSION, 10_000)).collect();
        let reader = StateReader::new(&properties).expect("a client");
        let mut figures = Figures::default();
        let (stopwatch, began) = (Stopwatch::start(), Instant::now());
        reader
            .read::<Error>(
                &names,
                &mut |record| {
                    let store = stores.get_mut(record.partition).expect("one of those asked for");
                    store.load(&record.key[1..], record.value).expect("a carry");
                    Ok(())
                },
                &|_, _| {},
            )
            .expect("everything is read");
        stopwatch.stop(&mut figures);
        let carries: usize = stores.iter().map(CarryStore::len).sum();
        assert_eq!(carries as u64, args.carries, "every carry is there");
        println!(
            "restore {run}: {carries} carries of {CARRY_BYTES} bytes from {} partitions in {:.2} s, {:.0} a second ({:.2} s CPU), peak {} MiB",
            args.partitions,
            began.elapsed().as_secs_f64(),
            carries as f64 / began.elapsed().as_secs_f64(),
            figures.cpu_seconds,
            figures.peak_bytes >> 20
        );
    }
}

fn fill(properties: &Properties, args: &Args) {
    const WINDOW_MS: i64 = 10_000;
    let producer = PlainProducer::new(properties).expect("a client");
    // Bytes that do not compress to nothing.
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    for partition in 0..args.partitions {
        let mut store = CarryStore::new(VERSION, WINDOW_MS);
        let start = Boundary::from_millis(1_767_600_000_000);
        store.close(start);
        let step = args.partitions.unsigned_abs() as usize;
        for number in (u64::try_from(partition).expect("not negative")..args.carries).step_by(step) {
            let key = format!("default\0{number:08x}-5b2a-4c1d-9e3f-{number:012x}");
            let mut carry = Vec::with_capacity(CARRY_BYTES);
            while carry.len() < CARRY_BYTES {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                carry.push((noise >> 60) as u8);
            }
            store.put(key.as_bytes(), &carry, start.plus((number as i64 % 360) * WINDOW_MS));
        }
        store.seal();
        for page in store.changes(Some(start)) {
            let (key, value) = (Some(page.key().to_vec()), page.value().unwrap_or_default().to_vec());
            let (topic, partition) = (TOPIC.to_owned(), Some(partition));
            let outgoing = Outgoing { topic, partition, key, value, headers: Vec::new() };
            producer.send(&outgoing, None).expect("the broker takes it");
        }
    }
    producer.flush(Duration::from_secs(60)).expect("everything is delivered");
}
