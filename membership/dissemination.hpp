#pragma once

// What is still to be told, and how often.
//
// The queue knows whom there is news about, not the news: what is sent is the record as it is then,
// so that nothing queued can be out of date and accusers that arrive meanwhile go along. Each item
// has a class and a number of sends that are left; the most urgent class goes first, then what was
// sent least, then what came last.

#include "membership/member.hpp"

#include <span>
#include <vector>

namespace starling::membership {

class dissemination {
public:
  /// More urgent first.
  enum class urgency : std::uint8_t { refutation, leave, dead, suspect, alive };

  /// The member has news: it is sent `sends` times from now on.
  void add(const node_id& id, urgency how, std::size_t sends);

  /// The member has news that is not vital: it is sent at least `sends` times from now on.
  void extend(const node_id& id, urgency how, std::size_t sends);

  /// The record was passed on once.
  void sent(const node_id& id);

  void remove(const node_id& id);
  bool is_empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

  /// Whom to tell of, the most urgent first. Valid until the next change.
  const std::vector<node_id>& order();

private:
  struct item {
    node_id id;
    urgency how;
    std::size_t left;
    std::size_t sends;
    std::uint64_t arrival;
  };

  std::vector<item> items_;
  std::vector<node_id> order_;
  std::uint64_t arrivals_ = 0;
  bool sorted_ = false;
};

} // namespace starling::membership
