//! Credentials as a task's role has them: renewed every hour, each time with a new key.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};

/// What nobody may ever see again.
pub const SECRET: &str = "canary-8c1f52e0b7";

/// What a process signs with. The SDK asks again every quarter of an hour.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Mutex<String>>);

impl Default for Keys {
    fn default() -> Keys {
        Keys(Arc::new(Mutex::new("test".to_owned())))
    }
}

impl Keys {
    /// From the next renewal on it is this key.
    pub fn renew(&self, key: &str) {
        key.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        future::ProvideCredentials::ready(Ok(Credentials::new(key, SECRET, None, None, "test")))
    }
}
