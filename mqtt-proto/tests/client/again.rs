//! Errors say whether trying again can help, and what lies beneath them.

use std::error::Error;

use mqtt_as_proto::client::{ConnectionError, Foreign, Limit, OperationError, Violation, Waiting};
use mqtt_as_proto::{DecodeError, EncodeError, ReasonCode, TopicError};

/// The codes after which the same may go well, in the order of the standard's table.
const RETRYABLE: [u8; 14] =
    [0x80, 0x83, 0x88, 0x89, 0x8B, 0x8D, 0x91, 0x92, 0x93, 0x96, 0x97, 0x98, 0x9F, 0xA0];

#[test]
fn reason_codes_after_which_the_same_may_go_well() {
    for code in 0..=u8::MAX {
        let reason = ReasonCode::from_u8(code);
        assert_eq!(reason.is_retryable(), RETRYABLE.contains(&code), "{reason}");
    }
}

#[test]
fn operations_that_may_go_well_later() {
    let table = [
        (OperationError::Invalid(EncodeError::Nul), false),
        (OperationError::Forbidden(Limit::RetainNotAvailable), false),
        (OperationError::NoRoom, true),
        (OperationError::TooLarge { size: 2, room: 1 }, false),
        (OperationError::NotConnected, true),
        (OperationError::AlreadyConnected, false),
        (OperationError::ClientIdMissing, false),
        (OperationError::SessionExpiry, false),
        (OperationError::PastEnd { given: 2, left: 1 }, false),
        (OperationError::Authentication, true),
    ];
    for (error, expected) in table {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
}

#[test]
fn connections_of_which_the_next_may_do_better() {
    let table = [
        (ConnectionError::Malformed(DecodeError::Truncated), true),
        (ConnectionError::NotMqtt(Foreign::Http), false),
        (ConnectionError::NotMqtt(Foreign::TlsAlert), false),
        (ConnectionError::Violation(Violation::SessionPresent), true),
        (ConnectionError::TimedOut(Waiting::Silence), true),
        (ConnectionError::SessionUnknown, false),
        (ConnectionError::Overrun, true),
        (ConnectionError::TooLarge { size: 1 }, false),
        (ConnectionError::NoRoom, false),
        (ConnectionError::ServerMaximum { size: 1 }, false),
        (ConnectionError::StreamStopped, true),
        (ConnectionError::StreamNotTaken, true),
    ];
    for (error, expected) in table {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
}

#[test]
fn an_error_keeps_what_it_comes_from() {
    fn beneath<E: Error + PartialEq + 'static>(error: &dyn Error, expected: &E) {
        let source = error.source().and_then(|source| source.downcast_ref::<E>());
        assert_eq!(source, Some(expected), "{error}");
    }
    let topic = DecodeError::TopicName(TopicError::Nul);
    beneath(&topic, &TopicError::Nul);
    beneath(&DecodeError::TopicFilter(TopicError::Empty), &TopicError::Empty);
    beneath(&ConnectionError::Malformed(topic), &topic);
    let violation = Violation::SessionPresent;
    beneath(&ConnectionError::Violation(violation), &violation);
    beneath(&ConnectionError::TimedOut(Waiting::Write), &Waiting::Write);
    beneath(&ConnectionError::NotMqtt(Foreign::Http), &Foreign::Http);
    beneath(&OperationError::Invalid(EncodeError::Nul), &EncodeError::Nul);
    let limit = Limit::RetainNotAvailable;
    beneath(&OperationError::Forbidden(limit), &limit);
}
