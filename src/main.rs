//! The command line of streamgauge.

fn main() {}
