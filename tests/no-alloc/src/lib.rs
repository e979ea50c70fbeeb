//! The list of the surface on embassy, told where the client has no heap.
//!
//! Without the feature `alloc` there is no owned message, only a borrowed one:
//!
//! ```compile_fail,E0432
//! use mqtt_as_embassy::Message;
//! ```
//!
//! ```
//! use mqtt_as_embassy::MessageRef;
//! ```
