//! The list on embassy, without a heap.

#[path = "../../../tests/on_embassy/runtime.rs"]
mod runtime;

#[path = "../../../tests/on_embassy/mosquitto.rs"]
mod mosquitto;

#[path = "../../../tests/on_embassy/tls.rs"]
mod tls;

#[path = "../../../tests/list/mod.rs"]
mod list;

/// Were there an owned message, its name would mean two things here, and this would not compile.
mod without_a_heap {
    #[allow(unused_imports)]
    use super::nothing::*;
    #[allow(unused_imports)]
    use mqtt_as_embassy::*;

    const _: Message = Message;
}

mod nothing {
    pub(crate) struct Message;
}
