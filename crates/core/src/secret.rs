//! Secrets are a type that cannot print itself.

use std::fmt;

use http::HeaderValue;

use crate::{Result, oauth};

/// A credential. `Debug` and `Display` print a mask. `==` tells whether two settings are the same; what a client shows is
/// compared in constant time, by the gateway.
#[derive(Clone, Default, Eq, PartialEq, Hash)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a credential.
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self(value.into())
    }

    /// The credential itself. Call this only where it is sent or compared.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of a header that carries it behind the prefix, marked sensitive.
    ///
    /// # Errors
    /// No header can.
    pub fn header_value(&self, prefix: &str) -> Result<HeaderValue> {
        let value = HeaderValue::try_from(format!("{prefix}{}", self.0));
        let mut value = value
            .map_err(|_| oauth::wrong("The credential holds characters that no HTTP header can carry."))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
