//! Google's credential files: a service account's key, a user's refresh token.

use lockgate_core::{CloudSettings, Result, Secret, oauth::wrong, wire::view};

view! {
    #[derive(Clone, Default)]
    pub(crate) struct File {
        pub(crate) kind as "type": Option<String>,
        pub(crate) project_id: Option<String>,
        pub(crate) quota_project_id: Option<String>,
        pub(crate) private_key_id: Option<String>,
        pub(crate) private_key: Option<String>,
        pub(crate) client_email: Option<String>,
        pub(crate) token_uri: Option<String>,
        pub(crate) client_id: Option<String>,
        pub(crate) client_secret: Option<String>,
        pub(crate) refresh_token: Option<String>,
    }
}

/// A credential file and its text, which tells it from others.
pub(crate) struct Credentials {
    pub(crate) file: File,
    pub(crate) text: Secret,
}

impl Credentials {
    /// The project that the credentials belong to.
    pub(crate) fn project(&self) -> Option<&str> {
        self.file.project_id.as_deref().or(self.file.quota_project_id.as_deref())
    }
}

/// The deployment's credentials, the environment's, or those that gcloud has left; none if there are none.
///
/// # Errors
/// There should be credentials, but they cannot be read.
pub(crate) fn find(settings: &CloudSettings<'_>) -> Result<Option<Credentials>> {
    const VARIABLES: [&str; 3] =
        ["VERTEXAI_CREDENTIALS", "VERTEX_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"];
    let text = match settings.find("vertex_credentials", &VARIABLES) {
        Some(text) if text.starts_with('{') => text,
        Some(path) => (settings.file)(&path).ok_or_else(|| {
            wrong("The file that `vertex_credentials` or its variable names cannot be read.")
        })?,
        None => {
            let home = (settings.env)("HOME").unwrap_or_default();
            let left = format!("{home}/.config/gcloud/application_default_credentials.json");
            match (settings.file)(&left) {
                Some(text) => text,
                None => return Ok(None),
            }
        }
    };
    let file = serde_json::from_str(&text)
        .map_err(|_| wrong("Google's credentials are no JSON object of the expected form."))?;
    Ok(Some(Credentials { file, text: Secret::new(text) }))
}
