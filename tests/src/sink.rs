//! Packets into a `Vec`, also where the core knows of no heap.

use mqtt_as_proto::wire::Sink;

/// Writes behind what is there.
#[derive(Debug)]
pub(crate) struct Behind<'v>(pub(crate) &'v mut Vec<u8>);

impl Sink for Behind<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
