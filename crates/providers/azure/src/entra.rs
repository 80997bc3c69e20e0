//! Tokens of Microsoft Entra ID for an application or a user.

use lockgate_core::{CloudSettings, oauth::Source, uri::escaped};

const AUTHORITY: &str = "https://login.microsoftonline.com";
/// What a token is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Models, and services such as speech.
    Services,
    /// What belongs to a project of Foundry: agents, grounding.
    Project,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Services => "https://cognitiveservices.azure.com/.default",
            Self::Project => "https://ai.azure.com/.default",
        }
    }
}

/// The account that the deployment's own parameters name.
pub(crate) fn written(settings: &CloudSettings<'_>, scope: Scope) -> Option<Source> {
    let own = ["client_secret", "azure_password"];
    own.iter().any(|name| settings.params.contains_key(*name)).then(|| found(settings, scope)).flatten()
}

/// The account of parameters and environment.
pub(crate) fn found(settings: &CloudSettings<'_>, scope: Scope) -> Option<Source> {
    let tenant = settings.find("tenant_id", &["AZURE_TENANT_ID"])?;
    let client = settings.find("client_id", &["AZURE_CLIENT_ID"])?;
    let named = settings.find("azure_scope", &["AZURE_SCOPE"]);
    let scope = named.unwrap_or_else(|| scope.name().to_owned());
    let authority = settings.find("", &["AZURE_AUTHORITY_HOST"]).unwrap_or_else(|| AUTHORITY.to_owned());
    let secret = settings.find("client_secret", &["AZURE_CLIENT_SECRET"]);
    let user = settings.find("azure_username", &["AZURE_USERNAME"]);
    let password = settings.find("azure_password", &["AZURE_PASSWORD"]);
    let mut fields = vec![("client_id", &*client), ("scope", &*scope)];
    match (&secret, &user, &password) {
        (Some(secret), _, _) => {
            fields.extend([("grant_type", "client_credentials"), ("client_secret", secret)]);
        }
        (None, Some(user), Some(password)) => {
            fields.extend([("grant_type", "password"), ("username", user), ("password", password)]);
        }
        _ => return None,
    }
    let url = format!("{}/{}/oauth2/v2.0/token", authority.trim_end_matches('/'), escaped(&tenant));
    Some(Source::new("Entra ID", url, &fields))
}
