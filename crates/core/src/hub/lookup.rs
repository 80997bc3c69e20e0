use lockgate_wire::view;

use crate::Raw;

view! {
    /// A request to search the web, in Perplexity's words.
    #[derive(Clone, Debug, Default)]
    pub struct SearchRequest {
        pub model: String,
        /// The tool, where the path does not name it.
        pub search_tool_name: Option<String>,
        /// A text, or a list of texts.
        pub query: Option<Raw>,
        pub max_results: Option<u64>,
        pub search_domain_filter: Option<Vec<String>>,
        pub max_tokens_per_page: Option<u64>,
        /// Two letters.
        pub country: Option<String>,
    }
}

impl SearchRequest {
    /// The queries; one text is a list of one.
    pub fn queries(&self) -> Vec<String> {
        let json = self.query.as_ref().map_or("null", |query| query.get());
        serde_json::from_str::<String>(json)
            .map(|one| vec![one])
            .or_else(|_| serde_json::from_str(json))
            .unwrap_or_default()
    }

    /// Domains that are wanted, and domains that are not (`-example.com`).
    pub fn domains(&self) -> (Vec<&str>, Vec<&str>) {
        let all = self.search_domain_filter.iter().flatten().map(|domain| domain.trim());
        let (out, wanted): (Vec<&str>, Vec<&str>) =
            all.filter(|domain| !matches!(*domain, "" | "-")).partition(|domain| domain.starts_with('-'));
        (wanted, out.into_iter().map(|domain| domain.trim_start_matches('-')).collect())
    }
}

view! {
    /// A request to read a document, in Mistral's words.
    #[derive(Clone, Debug, Default)]
    pub struct OcrRequest {
        pub model: String,
        pub document: Option<Document>,
        /// Numbers from zero, or a text such as `"1-3,5"`.
        pub pages: Option<Raw>,
    }
}

view! {
    /// Where the document is: an address, or its content as a `data:` URL.
    #[derive(Clone, Debug, Default)]
    pub struct Document {
        pub kind as "type": Option<String>,
        pub document_url: Option<String>,
        /// A text, or an object with a `url`.
        pub image_url: Option<Raw>,
    }
}

impl Document {
    /// Its address, and the member that holds it.
    pub fn url(&self) -> Option<(&'static str, String)> {
        #[derive(serde::Deserialize)]
        struct Wrapped {
            url: String,
        }
        let image = || {
            let json = self.image_url.as_ref()?.get();
            let text = serde_json::from_str::<String>(json);
            text.or_else(|_| serde_json::from_str::<Wrapped>(json).map(|wrapped| wrapped.url)).ok()
        };
        let found = match self.kind.as_deref() {
            Some("image_url") => image().map(|url| ("image_url", url)),
            _ => self.document_url.clone().map(|url| ("document_url", url)),
        };
        found.filter(|(_, url)| !url.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_domains() {
        let read = |json: &str| serde_json::from_str::<SearchRequest>(json).unwrap();
        assert_eq!(read(r#"{"query":"a"}"#).queries(), ["a"]);
        assert_eq!(read(r#"{"query":["a","b"]}"#).queries(), ["a", "b"]);
        assert!(read(r#"{"query":{"a":1}}"#).queries().is_empty());
        let request = read(r#"{"query":"a","search_domain_filter":["x.org","-y.org","-",""]}"#);
        assert_eq!(request.domains(), (vec!["x.org"], vec!["y.org"]));
    }

    #[test]
    fn documents_say_where_they_are() {
        let url = |json: &str| serde_json::from_str::<Document>(json).unwrap().url().map(|(_, url)| url);
        for json in [
            r#"{"type":"document_url","document_url":"u"}"#,
            r#"{"document_url":"u"}"#,
            r#"{"type":"image_url","image_url":"u"}"#,
            r#"{"type":"image_url","image_url":{"url":"u"}}"#,
        ] {
            assert_eq!(url(json).as_deref(), Some("u"), "{json}");
        }
        assert_eq!(url(r#"{"type":"image_url","document_url":"u"}"#), None);
        assert_eq!(url(r#"{"type":"file","file_id":"f"}"#), None);
    }
}
