#pragma once

namespace starling::bench {

/// What it costs to find where two nodes differ, by messages and bytes; with `check`, a part of it,
/// and whether what is claimed of it holds. Returns the number of failures.
int repair(bool check);

} // namespace starling::bench
