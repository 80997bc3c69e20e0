//! What Textract answers: blocks that name each other.

use std::collections::BTreeMap;

use lockgate_core::wire::view;

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Answer {
        pub(crate) blocks as "Blocks": Option<Vec<Block>>,
        pub(crate) metadata as "DocumentMetadata": Option<Metadata>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Metadata {
        pub(crate) pages as "Pages": Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Block {
        pub(crate) id as "Id": Option<String>,
        pub(crate) kind as "BlockType": Option<String>,
        pub(crate) text as "Text": Option<String>,
        /// From one; left out for documents of one page.
        pub(crate) page as "Page": Option<u64>,
        pub(crate) row as "RowIndex": Option<u64>,
        pub(crate) column as "ColumnIndex": Option<u64>,
        pub(crate) relations as "Relationships": Option<Vec<Relation>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Relation {
        pub(crate) kind as "Type": Option<String>,
        pub(crate) ids as "Ids": Option<Vec<String>>,
    }
}

impl Block {
    pub(crate) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    /// The name of what the layout says it is: `LAYOUT_TITLE` is a `TITLE`.
    pub(crate) fn layout(&self) -> Option<&str> {
        self.kind().strip_prefix("LAYOUT_")
    }

    pub(crate) fn page(&self) -> u64 {
        self.page.unwrap_or(1)
    }

    /// The names of what is in it.
    pub(crate) fn children(&self) -> impl Iterator<Item = &str> {
        let own = self.relations.iter().flatten().filter(|one| one.kind.as_deref() == Some("CHILD"));
        own.flat_map(|one| one.ids.iter().flatten()).map(String::as_str)
    }
}

/// Blocks by their names.
pub(crate) struct Index<'a>(BTreeMap<&'a str, &'a Block>);

impl<'a> Index<'a> {
    pub(crate) fn of(blocks: &'a [Block]) -> Self {
        Self(blocks.iter().filter_map(|block| Some((block.id.as_deref()?, block))).collect())
    }

    /// What is in a block.
    pub(crate) fn children(&self, block: &Block) -> Vec<&'a Block> {
        block.children().filter_map(|id| self.0.get(id).copied()).collect()
    }

    /// The texts of what is in a block.
    pub(crate) fn text(&self, block: &Block, joint: &str) -> String {
        let texts: Vec<&str> =
            self.children(block).into_iter().filter_map(|child| child.text.as_deref()).collect();
        texts.join(joint)
    }
}
