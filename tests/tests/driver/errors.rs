//! Errors say in words whose fault it is and what to do, whether trying again can help, and what lies
//! beneath them.

use std::error::Error;
use std::io;

use mqtt_as_client::{
    AuthenticateError, ConfigError, ConnectError, ConnectionError, DisconnectError, DownReason,
    EncodeError, ErrorKind, Foreign, Limit, NotSent, OperationError, PublishError, QoS, ReasonCode,
    RequestError, Step, StreamError, SubscribeError, TopicError, TransportError, Waiting,
};

const INVALID: OperationError = OperationError::Invalid(EncodeError::Nul);
const NOT_AUTHORIZED: ReasonCode = ReasonCode::NOT_AUTHORIZED;
const BUSY: ReasonCode = ReasonCode::SERVER_BUSY;

/// Each with whether trying again unchanged can help.
fn connect_errors() -> Vec<(ConnectError, bool)> {
    let unknown = |kind: ErrorKind| {
        let host = "broker.example".into();
        ConnectError::HostNotFound { host, error: kind.into() }
    };
    let unreachable = |kind: ErrorKind| ConnectError::Unreachable(Step::Open, kind.into());
    vec![
        (ConnectError::Refused(NOT_AUTHORIZED), false),
        (ConnectError::Refused(ReasonCode::BAD_USER_NAME_OR_PASSWORD), false),
        (ConnectError::Refused(BUSY), true),
        (ConnectError::Refused(ReasonCode::SERVER_UNAVAILABLE), true),
        (ConnectError::Refused(ReasonCode::USE_ANOTHER_SERVER), false),
        (unreachable(ErrorKind::ConnectionRefused), true),
        (unreachable(ErrorKind::AddrNotAvailable), true),
        (unreachable(ErrorKind::PermissionDenied), false),
        (unreachable(ErrorKind::Unsupported), false),
        (unknown(ErrorKind::NotFound), true),
        (unknown(ErrorKind::InvalidInput), false),
        (ConnectError::TimedOut(Step::Resolve), true),
        (ConnectError::TimedOut(Step::Connect), true),
        (ConnectError::Protocol(ConnectionError::NotMqtt(Foreign::TlsAlert)), false),
        (ConnectError::Protocol(ConnectionError::SessionUnknown), false),
        (ConnectError::Lost(DownReason::Closed), true),
        (ConnectError::Lost(DownReason::Server(ReasonCode::SERVER_MOVED)), false),
        (ConnectError::Invalid(INVALID), false),
        (ConnectError::Config(ConfigError::Url), false),
        (ConnectError::KeepAlive { seconds: 70_000 }, false),
        (ConnectError::TooManyProperties { most: 8 }, false),
        (ConnectError::WillTopic(TopicError::WildcardInName), false),
        (ConnectError::Replaced, false),
        (ConnectError::Closed, false),
        (ConnectError::NoWaiter, true),
    ]
}

fn publish_errors() -> Vec<(PublishError, bool)> {
    vec![
        (PublishError::Topic(TopicError::WildcardInName), false),
        (PublishError::Invalid(INVALID), false),
        (PublishError::Invalid(OperationError::NoRoom), true),
        (PublishError::Invalid(OperationError::TooLarge { size: 2, room: 1 }), false),
        (PublishError::Refused(NOT_AUTHORIZED.into()), false),
        (PublishError::Refused(ReasonCode::QUOTA_EXCEEDED.into()), true),
        (PublishError::NeverSent(NotSent::Forbidden(Limit::MaximumQoS(QoS::AtMostOnce))), false),
        (PublishError::NeverSent(NotSent::Expired), true),
        (PublishError::NeverSent(NotSent::Disconnected), true),
        (PublishError::Unknown { received: false }, true),
        (PublishError::Unknown { received: true }, true),
        (PublishError::TimedOut { sent: true }, false),
        (PublishError::TimedOut { sent: false }, false),
        (PublishError::Kept, false),
        (PublishError::NotConnected, true),
        (PublishError::Interrupted, true),
        (PublishError::NotInterrupted, false),
        (PublishError::Length { announced: 1, given: 2 }, false),
        (PublishError::StreamOpen, true),
        (PublishError::Closed, false),
        (PublishError::NoWaiter, true),
    ]
}

fn subscribe_errors() -> Vec<(SubscribeError, bool)> {
    vec![
        (SubscribeError::Filter(TopicError::Empty), false),
        (SubscribeError::Invalid(Limit::WildcardNotAvailable.into()), false),
        (SubscribeError::TooManyFilters { most: 16 }, false),
        (SubscribeError::Refused(NOT_AUTHORIZED), false),
        (SubscribeError::Refused(ReasonCode::UNSPECIFIED_ERROR), true),
        (SubscribeError::NotConnected, true),
        (SubscribeError::Unknown, true),
        (SubscribeError::TimedOut, true),
        (SubscribeError::StreamOpen, true),
        (SubscribeError::Closed, false),
        (SubscribeError::NoWaiter, true),
    ]
}

fn authenticate_errors() -> Vec<(AuthenticateError, bool)> {
    vec![
        (AuthenticateError::Invalid(OperationError::Authentication), true),
        (AuthenticateError::Refused, false),
        (AuthenticateError::Lost(DownReason::Closed), true),
        (AuthenticateError::Lost(DownReason::Server(NOT_AUTHORIZED)), false),
        (AuthenticateError::TimedOut, false),
        (AuthenticateError::NotConnected, true),
        (AuthenticateError::StreamOpen, true),
        (AuthenticateError::Closed, false),
        (AuthenticateError::NoWaiter, true),
    ]
}

fn request_errors() -> Vec<(RequestError, bool)> {
    vec![
        (RequestError::Topic(TopicError::Empty), false),
        (RequestError::NeedsV5, false),
        (RequestError::ResponseTopic(NOT_AUTHORIZED), false),
        (RequestError::Publish(PublishError::Unknown { received: false }), true),
        (RequestError::NoSubscribers, true),
        (RequestError::TimedOut, true),
        (RequestError::LinkLost, true),
        (RequestError::Closed, false),
    ]
}

fn down_reasons() -> Vec<(DownReason, bool)> {
    vec![
        (DownReason::Disconnected, false),
        (DownReason::Replaced, false),
        (DownReason::Server(ReasonCode::SUCCESS), true),
        (DownReason::Server(ReasonCode::SERVER_SHUTTING_DOWN), true),
        (DownReason::Server(ReasonCode::PROTOCOL_ERROR), true),
        (DownReason::Server(ReasonCode::ADMINISTRATIVE_ACTION), true),
        (DownReason::Server(ReasonCode::SESSION_TAKEN_OVER), false),
        (DownReason::Server(NOT_AUTHORIZED), false),
        (DownReason::Server(ReasonCode::BAD_AUTHENTICATION_METHOD), false),
        (DownReason::Server(ReasonCode::USE_ANOTHER_SERVER), false),
        (DownReason::Server(ReasonCode::SERVER_MOVED), false),
        (DownReason::Closed, true),
        (DownReason::Transport(ErrorKind::ConnectionReset.into()), true),
        (DownReason::Transport(ErrorKind::PermissionDenied.into()), false),
        (DownReason::Protocol(ConnectionError::TimedOut(Waiting::Silence)), true),
        (DownReason::Protocol(ConnectionError::ServerMaximum { size: 1 }), false),
        (DownReason::NotAuthenticated, false),
        (DownReason::Poison(1), false),
        (DownReason::StreamStopped, true),
        (DownReason::StreamNotTaken, true),
    ]
}

#[test]
fn errors_are_sentences() {
    let connect = connect_errors().into_iter().map(|(error, _)| error.to_string());
    let publish = publish_errors().into_iter().map(|(error, _)| error.to_string());
    let subscribe = subscribe_errors().into_iter().map(|(error, _)| error.to_string());
    let down = down_reasons().into_iter().map(|(reason, _)| reason.to_string());
    let others = [
        DisconnectError::NotConnected.to_string(),
        StreamError::Lost.to_string(),
        ConfigError::EmptyHost.to_string(),
        ConfigError::NoRuntime.to_string(),
        ConfigError::Zero { setting: "receive_maximum" }.to_string(),
    ];
    for error in connect.chain(publish).chain(subscribe).chain(down).chain(others) {
        assert!(error.contains(' '), "{error}");
    }
}

#[test]
fn errors_say_whether_trying_again_can_help() {
    for (error, expected) in connect_errors() {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
    for (error, expected) in publish_errors() {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
    for (error, expected) in subscribe_errors() {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
    for (error, expected) in authenticate_errors() {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
    for (error, expected) in request_errors() {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
    for (reason, expected) in down_reasons() {
        assert_eq!(reason.is_retryable(), expected, "{reason:?}");
    }
    for error in [StreamError::Lost, StreamError::TimedOut] {
        assert!(error.is_retryable());
    }
    for error in [DisconnectError::NotConnected, DisconnectError::Closed, DisconnectError::NoWaiter]
    {
        assert!(!error.is_retryable());
    }
}

/// Whose fault it is, is said for each step and each end.
#[test]
fn who_did_not_answer_and_who_ended_it_is_said() {
    let late = |step| ConnectError::TimedOut(step).to_string();
    assert!(late(Step::Connect).contains("CONNACK"), "{}", late(Step::Connect));
    for step in [Step::Credentials, Step::Resolve] {
        assert!(!late(step).contains("the server did not"), "{}", late(step));
    }
    let own = ConnectError::Lost(DownReason::NotAuthenticated).to_string();
    assert!(own.contains("the program refused") && !own.contains("TLS"), "{own}");
    let cut = DownReason::Transport(ErrorKind::ConnectionReset.into());
    for lost in [DownReason::Closed, cut] {
        let said = ConnectError::Lost(lost).to_string();
        assert!(said.contains("TLS"), "{said}");
    }
}

/// Memory and slots are a device's: with a heap nobody can give more of them.
#[test]
fn too_many_calls_are_told_without_a_word_of_slots() {
    for said in [
        ConnectError::NoWaiter.to_string(),
        PublishError::NoWaiter.to_string(),
        SubscribeError::NoWaiter.to_string(),
        DisconnectError::NoWaiter.to_string(),
        AuthenticateError::NoWaiter.to_string(),
    ] {
        assert!(said.contains("calls"), "{said}");
        for word in ["slot", "heap", "memory"] {
            assert!(!said.contains(word), "{said}");
        }
    }
}

#[test]
fn errors_keep_what_they_come_from() {
    fn beneath<E: Error + PartialEq + 'static>(error: &dyn Error, expected: &E) {
        let source = error.source().and_then(|source| source.downcast_ref::<E>());
        assert_eq!(source, Some(expected), "{error}");
    }
    let (topic, violation) = (TopicError::Nul, ConnectionError::SessionUnknown);
    beneath(&ConnectError::Protocol(violation), &violation);
    beneath(&ConnectError::Invalid(INVALID), &INVALID);
    beneath(&ConnectError::WillTopic(topic), &topic);
    beneath(&ConnectError::Config(ConfigError::Url), &ConfigError::Url);
    beneath(&PublishError::Topic(topic), &topic);
    beneath(&PublishError::Invalid(INVALID), &INVALID);
    beneath(&SubscribeError::Filter(topic), &topic);
    beneath(&SubscribeError::Invalid(INVALID), &INVALID);
    beneath(&DisconnectError::Invalid(INVALID), &INVALID);
    beneath(&AuthenticateError::Invalid(INVALID), &INVALID);
    beneath(&DownReason::Protocol(violation), &violation);
    beneath(&ConnectError::Lost(DownReason::Protocol(violation)), &violation);
    let kind = || TransportError::from(ErrorKind::ConnectionRefused);
    beneath(&ConnectError::Unreachable(Step::Open, kind()), &kind());
    beneath(&DownReason::Transport(kind()), &kind());
}

/// The error of the transport is there whole, whoever made it.
#[test]
fn the_error_of_a_transport_is_kept_whole() {
    let own = || io::Error::new(io::ErrorKind::InvalidData, "the certificate has expired");
    let whole = |error: &dyn Error| {
        let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(io.expect("an io::Error").to_string(), "the certificate has expired");
        assert!(error.to_string().contains("the certificate has expired"), "{error}");
    };
    let error = TransportError::new(own());
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.clone(), TransportError::from(ErrorKind::InvalidData));
    whole(&error);
    whole(&ConnectError::Unreachable(Step::Open, error.clone()));
    whole(&ConnectError::HostNotFound { host: "a".into(), error: error.clone() });
    whole(&ConnectError::Lost(DownReason::Transport(error.clone())));
    whole(&DownReason::Transport(error));
}
