#pragma once

// How a reply shows a value, as the parameters of the request say (read in http/api/queries.cpp).

namespace starling::http {

struct style {
  bool contexts = true;         // of the members of a set
  bool numbers_as_text = false; // of a counter: clients that compute in doubles lose digits
  friend bool operator==(const style&, const style&) = default;
};

} // namespace starling::http
