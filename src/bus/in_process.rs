//! A broker inside this process, for the demo: librdkafka's mock cluster. It keeps 5 MiB per partition and isolates nothing, so it proves
//! nothing about transactions.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::client::{Error, Properties};

/// A broker that lives as long as this value.
pub struct InProcessBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl InProcessBroker {
    /// Starts it with these topics: name and number of partitions.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, Error> {
        let cluster = MockCluster::new(1).map_err(|cause| Error::failed("starting the in-process broker", cause))?;
        for (name, partitions) in topics {
            let created = cluster.create_topic(name, *partitions, 1);
            created.map_err(|cause| Error::failed(format!("creating the topic {name}"), cause))?;
        }
        Ok(Self { cluster })
    }

    /// How clients reach it.
    pub fn properties(&self) -> Properties {
        Properties::for_brokers(&self.cluster.bootstrap_servers())
    }
}
