//! How fast the saved lives of sessions are read back.

use std::time::{Duration, Instant};

use streamgauge::bus::{Admin, Error, Outgoing, PlainProducer, Properties, StateReader, TopicPartition, TopicSpec};
use streamgauge::engine::{CARRY_KEY, CarryStore};

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
    let producer = PlainProducer::new(properties).expect("a client");
    // Bytes that do not compress to nothing.
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..args.carries {
        let mut key = vec![CARRY_KEY];
        key.extend_from_slice(format!("default\0{number:08x}-5b2a-4c1d-9e3f-{number:012x}").as_bytes());
        let mut value = vec![VERSION];
        value.extend_from_slice(&(1_767_600_000_000_i64 + (number as i64 % 360) * 10_000).to_le_bytes());
        while value.len() < CARRY_BYTES {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            value.push((noise >> 60) as u8);
        }
        let partition =
            Some(i32::try_from(number % u64::from(args.partitions.unsigned_abs())).expect("few partitions"));
        let outgoing = Outgoing { topic: TOPIC.to_owned(), partition, key: Some(key), value, headers: Vec::new() };
        producer.send(&outgoing, None).expect("the broker takes it");
    }
    producer.flush(Duration::from_secs(60)).expect("everything is delivered");
}
