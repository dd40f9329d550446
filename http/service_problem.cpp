#include "http/service_problem.hpp"

namespace starling::http {

namespace {

/// What a node is not ready for is in the title: the code is the same for all of it.
problem not_ready(std::string title, std::string detail) {
  return {problem_code::not_ready, std::move(detail), {}, {}, std::move(title)};
}

std::string sentence_of(crdt::refusal why) {
  return std::string{crdt::to_string(why)};
}

} // namespace

problem problem_of(node::service_error why) {
  using node::service_error;
  switch (why) {
  case service_error::internal:
    break;
  case service_error::no_such_key:
    return {problem_code::unknown_key, "no write to this key has reached this node"};
  case service_error::counter_range:
    return {problem_code::counter_range, sentence_of(crdt::refusal::counter_range)};
  case service_error::exhausted:
    return {problem_code::exhausted, sentence_of(crdt::refusal::exhausted)};
  case service_error::value_too_large:
    return {problem_code::value_too_large, "the value has reached the size that a node can send"};
  case service_error::disk_full:
    return {problem_code::disk_full,
            "nothing was written, for the disk has no room left; /readyz says more"};
  case service_error::disk_failed:
    return {problem_code::disk_failed,
            "nothing was written, for the disk takes no writes; /readyz says more"};
  case service_error::unreadable:
    return {problem_code::disk_failed,
            "what this needs cannot be read from the disk, and nothing was written; /readyz says "
            "more"};
  case service_error::being_mended:
    return {problem_code::being_mended,
            "what was damaged on this node's disk is brought back from another node"};
  case service_error::newer_format:
    return {problem_code::newer_format, "a later version wrote it; it is kept as it is"};
  case service_error::key_busy:
    return {problem_code::key_busy,
            "as much waits for this key as keys.max-waiting-bytes allows; nothing was done"};
  case service_error::leaving:
    return not_ready("This node is leaving its cluster",
                     "it takes no more writes; write to another node");
  case service_error::stopping:
    return not_ready("This node is stopping", "ask another node");
  case service_error::timed_out:
    return {problem_code::timed_out, "no answer in time"};
  case service_error::write_unknown:
    return {problem_code::write_unknown,
            "the disk failed while this was written: it may show later or not; read before you "
            "repeat it"};
  case service_error::write_cut_off:
    return {problem_code::write_unknown,
            "the node stopped while this was written; read from another before you repeat it"};
  }
  return {problem_code::internal,
          "something went wrong, and nobody knows whether a write was done"};
}

problem problem_of_read(const crdt::key& key, node::service_error why) {
  if (why == node::service_error::no_such_key)
    return {problem_code::unknown_key,
            "no write to this " + std::string{to_string(key.type)} + " has reached this node"};
  return problem_of(why);
}

problem problem_of_write(const crdt::key& key, node::service_error why) {
  if (why == node::service_error::timed_out)
    return {problem_code::timed_out,
            "no answer in time; this write may still happen, so nobody knows of it yet"};
  return problem_of_read(key, why);
}

problem problem_of_report(node::service_error why) {
  if (why == node::service_error::internal)
    return {problem_code::internal, "the node could not tell how it is"};
  return problem_of(why);
}

problem problem_of(const node::unreadiness& why) {
  using enum node::unreadiness::cause;
  switch (why.is) {
  case stopping:
    return problem_of(node::service_error::stopping);
  case leaving:
    return not_ready("This node is leaving its cluster", "it takes no more writes");
  case silent:
    break;
  case disk_full:
    return not_ready("The disk of this node is full", "nothing can be written: " + why.what);
  case disk_takes_no_writes:
    return not_ready("The disk of this node takes no writes",
                     "nothing can be written: " + why.what);
  case disk_damaged:
    return not_ready("The disk of this node is damaged", "something cannot be read: " + why.what);
  case disk_unreadable:
    return not_ready("The disk of this node cannot be read in part",
                     "something could not be read: " + why.what);
  case being_mended:
    return not_ready("This node waits for what its disk has lost",
                     "what was damaged on the disk is brought back from other nodes");
  }
  return not_ready("A part of this node does not answer in time",
                   "the actors do not answer in time");
}

} // namespace starling::http
