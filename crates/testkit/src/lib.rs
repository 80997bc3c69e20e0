//! Vector runner, laws, scripted upstream, fake clock. A dev-dependency only.
