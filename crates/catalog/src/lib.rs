//! Facts about models as data: prices with dates, context, modes, capabilities, aliases; pure look-ups.
