#pragma once

// The calls that peers and operators can make to this node, as a table: a new call is a row.
//
// A call that may not be repeated has a header (wire/call.hpp) and is carried out once, by the
// process that it was made to. Its handler sees neither the header nor a call that is not admitted.

#include "actors/interfaces.hpp"
#include "http/asker.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::http {

struct call_row {
  /// The bytes to answer with, or why the call is refused.
  using answer = wire::result<std::string, response>;

  std::string path;

  // Whether it does no harm that somebody records the call and sends it again.
  bool may_be_repeated = false;

  // Carries a call out. Runs on a thread of the listener, and may wait. Called from many threads at
  // once.
  std::function<answer(const std::string& content)> handle;
};

class call_table {
public:
  /// `guard` admits the calls that may not be repeated.
  call_table(const asker& via, actors::call_guard_actor guard, std::vector<call_row> rows)
      : via_(via), guard_(std::move(guard)), rows_(std::move(rows)) {}

  /// The row for a path; nullptr if there is none.
  const call_row* find(std::string_view path) const;

  /// What is answered to a call, `bytes` with its header if it has one. Waits for that.
  call_row::answer answer(const call_row& row, std::string_view bytes) const;

private:
  asker via_;
  actors::call_guard_actor guard_;
  std::vector<call_row> rows_;
};

} // namespace starling::http
