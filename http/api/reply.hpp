#pragma once

// What the API answers: JSON with a space after each ':' and ',' of ours and one newline at the
// end. A register's value and all contexts are put in as they are.

#include "crdt/key_query.hpp"
#include "crdt/view.hpp"
#include "http/api/problem.hpp"
#include "http/api/request.hpp"
#include "wire/seal.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::http {

struct response {
  int status = 200;
  std::string_view content_type = "application/json; charset=utf-8"; // empty without a body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers; // beside those that every reply has
};

/// What GET /cluster shows of the node that answers and of those that it knows.
struct cluster_view {
  /// What a node reads: versions of the protocol between nodes, and types of values with the newest
  /// format of each.
  struct abilities {
    unsigned oldest = 0;
    unsigned newest = 0;
    std::vector<std::pair<std::string, unsigned>> reads{};
  };

  struct node {
    std::string name;
    std::string node_id;
    std::string replica_id;
    std::string replica_state; // whether it is certain
    std::string http_address;
    std::string cluster_address;
    std::chrono::sys_seconds started;
    std::string state;
    std::string incarnation;
    unsigned health = 0; // 0 is best
    bool isolated = false;
    bool leaving = false;
    abilities can{};
  };

  struct peer {
    std::string node_id;
    std::string name;
    std::string http_address;
    std::string cluster_address;
    std::string state;
    std::string incarnation;
    std::chrono::sys_seconds since;          // in this state
    unsigned health = 0;                     // as it said itself
    std::chrono::microseconds round_trip{0}; // zero without a sample
    std::string reason;                      // why it is not alive; empty if it is
    bool udp = true;                         // whether datagrams get through, as far as is known
    bool tcp = true;                         // whether calls do
    abilities can{};
  };

  /// A value that a peer does not take.
  struct refused {
    std::string peer;
    std::string type;
    std::string key;
  };

  struct data {
    std::string root; // digest of all keys and their values: equal on nodes that have the same
    std::uint64_t keys = 0;
    std::uint64_t log_entries = 0; // that some member may lack
    std::uint64_t log_bytes = 0;
    std::uint64_t peers_behind = 0;      // that are to be compared, or do not take a value of ours
    std::vector<refused> values_refused; // some of those values
  };

  /// Of a node that is no member for another.
  struct refusal {
    std::string address; // of the other
    std::string name;    // empty if that is not known
    std::string reason;  // a word
    std::string why;     // a sentence
    std::chrono::sys_seconds since;
  };

  node self;
  std::vector<peer> peers;
  abilities all_can{};             // what all members can, those that are dead included
  std::vector<refusal> refused_by; // for whom this node is no member
  std::vector<refusal> refuses;    // who is none for this node
  std::vector<std::string> unreached_seeds;
  std::vector<std::string> warnings; // sentences for people; none if all is well
  data replication;
};

/// A value as a read shows it. Members of a set that are not text are left out.
response reply_to_read(const crdt::key& key, const crdt::view& what, const wire::secret& secret,
                       style how = {});

/// A value as a write shows it: of a counter or a register the value; of a set the contexts of what
/// the write touched, and how many members there are now.
response reply_to_write(const crdt::key& key, const crdt::view& what, const wire::secret& secret,
                        style how = {});

response reply_with(const crdt::key_page& page);
response reply_with(const problem& what);
response reply_with(const cluster_view& cluster);

/// What this is, and where to go on.
response reply_with_index(std::string_view version, const std::vector<route>& routes);

/// 204 with the methods of a path.
response reply_to_options(std::string_view allow);

/// `{"status": ...}`, and what a person should know beside it.
response reply_with_status(std::string_view status, const std::vector<std::string>& warnings = {});

/// Metrics in Prometheus' text format.
response reply_with_metrics(std::string text);

} // namespace starling::http
