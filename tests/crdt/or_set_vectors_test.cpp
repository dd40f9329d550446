#include "crdt/or_set.hpp"
#include "tests/crdt/names.hpp"
#include "tests/crdt/vectors.hpp"

#include <gtest/gtest.h>

#include <map>

namespace starling::crdt {
namespace {

namespace json = boost::json;

/// One scenario of the vectors, replayed on sets. The vectors number events per element and
/// replica, a set per replica; `events` tells which of our events the k-th add of an element by a
/// replica became.
struct replay {
  std::map<std::string, or_set> replicas;
  std::map<std::uint64_t, or_set> snapshots;
  std::vector<payload> elements;
  std::map<std::pair<std::string, std::string>, std::vector<event_number>> events;

  explicit replay(const json::object& init) {
    for (const auto& name : init.at("replicas").as_array())
      replicas[std::string{name.as_string()}];
    elements = payloads_of(init.at("elements"));
  }

  static std::vector<payload> payloads_of(const json::value& list) {
    std::vector<payload> result;
    for (const auto& element : list.as_array())
      result.push_back(text(std::string{element.as_string()}));
    return result;
  }

  static replica_id id_of(const std::string& name) {
    replica_id id;
    std::copy(name.begin(), name.end(), id.bytes.begin());
    return id;
  }

  version_vector context_of(const std::string& element, const json::value& list) const {
    version_vector result;
    for (const auto& pair : list.as_array()) {
      const std::string replica{pair.at(0).as_string()};
      result[id_of(replica)] =
          events.at({element, replica}).at(pair.at(1).to_number<std::size_t>() - 1);
    }
    return result;
  }

  void take(const vector_line& line) {
    const auto op = line.text("op");
    if (op == "add") {
      const auto name = line.text("replica");
      const auto element = line.text("element");
      auto& set = replicas.at(name);
      set.add(id_of(name), text(element), context_of(element, line.at("ctx")));
      events[{element, name}].push_back(set.seen().last(id_of(name)));
    } else if (op == "remove") {
      const auto name = line.text("replica");
      const auto element = line.text("element");
      replicas.at(name).remove(id_of(name), text(element), context_of(element, line.at("ctx")));
    } else if (op == "sync") {
      replicas.at(line.text("to"))
          .join(replicas.at(line.text("from")).part(payloads_of(line.at("elements"))));
    } else if (op == "snapshot") {
      snapshots[line.at("snapshot").to_number<std::uint64_t>()] = replicas.at(line.text("replica"));
    } else if (op == "deliver") {
      const auto& snapshot = snapshots.at(line.at("snapshot").to_number<std::uint64_t>());
      replicas.at(line.text("to")).join(snapshot.part(elements));
    } else if (op == "converge") {
      for (const auto& pair : line.at("syncs").as_array())
        replicas.at(std::string{pair.at(1).as_string()})
            .join(replicas.at(std::string{pair.at(0).as_string()}));
    }
  }

  json::value sets() const {
    json::object result;
    for (const auto& [name, set] : replicas) {
      json::array members;
      for (const auto& member : set.members())
        members.emplace_back(member.data);
      result[name] = std::move(members);
    }
    return result;
  }
};

void expect_converged(const replay& r, const std::string& where) {
  const auto& first = r.replicas.begin()->second;
  for (const auto& [name, set] : r.replicas) {
    EXPECT_EQ(bytes_of(set), bytes_of(first)) << where << ": converge: replica " << name;
    for (const auto& [member, row] : set.rows())
      for (const auto& entry : row)
        EXPECT_TRUE(entry.live) << where << ": converge: replica " << name
                                << " holds a dead entry of " << member.data;
  }
}

TEST(OrSetVectors, SetsAreEqualAfterEveryLine) {
  const auto lines = read_vectors("orset.jsonl");
  if (!lines)
    GTEST_SKIP() << "no vectors: " << vectors_path("orset.jsonl") << " is not there";

  EXPECT_EQ(lines->size(), 7641u);
  std::optional<replay> current;
  std::size_t scenarios = 0;
  for (const auto& line : *lines) {
    const auto op = line.text("op");
    if (op == "init") {
      current.emplace(line.fields);
      ++scenarios;
      continue;
    }
    ASSERT_TRUE(current) << line.where;
    current->take(line);
    if (const auto* sets = line.fields.if_contains("sets")) {
      ASSERT_EQ(current->sets(), *sets) << line.where << ": " << op;
    }
    if (op == "read") {
      ASSERT_EQ(current->replicas.at(line.text("replica")).contains(text(line.text("element"))),
                line.at("present").as_bool())
          << line.where << ": read";
    }
    if (op == "converge")
      expect_converged(*current, line.where);
  }
  EXPECT_EQ(scenarios, 345u);
}

} // namespace
} // namespace starling::crdt
