//! Errors say in words whose fault it is, and what to do.

use mqtt_as_client::{
    ConnectError, DisconnectError, OperationError, PublishError, ReasonCode, SubscribeError,
    TopicError,
};

#[test]
fn errors_are_sentences() {
    let errors = [
        PublishError::Topic(TopicError::WildcardInName).to_string(),
        PublishError::Invalid(OperationError::NoRoom).to_string(),
        SubscribeError::TooManyFilters { most: 16 }.to_string(),
        ConnectError::KeepAlive { seconds: 70_000 }.to_string(),
        ConnectError::Refused(ReasonCode::NOT_AUTHORIZED).to_string(),
        DisconnectError::NotConnected.to_string(),
    ];
    for error in errors {
        assert!(error.contains(' '), "{error}");
    }
}
