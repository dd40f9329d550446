// Random runs of whole clusters. STARLING_SEED=n replays one; STARLING_SEEDS=n runs more of them.

#include "tests/replication/simulated_cluster.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

namespace starling::simulation {
namespace {

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (!text)
    return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

/// Who gossips with whom: everyone with everyone, in a line, a ring, or with one in the middle.
std::set<std::pair<address, address>> draw_links(dice& random, std::size_t nodes) {
  const auto shape = random.below(5);
  std::set<std::pair<address, address>> links;
  for (address b = 1; b < nodes; ++b)
    for (address a = 0; a < b; ++a)
      if (shape < 2 || (shape == 4 ? a == 0 : a + 1 == b) || (shape == 3 && b - a == nodes - 1))
        links.emplace(a, b);
  return links;
}

cluster_options draw_options(dice& random) {
  cluster_options result;
  result.nodes = 2 + random.below(4);
  result.links = draw_links(random, result.nodes);
  result.limits.message_bytes =
      random.one_of(std::vector<std::size_t>{1, 100, 300, 2000, 256 * 1024});
  result.limits.log_bytes = random.one_of(std::vector<std::size_t>{1, 200, 1000, 10'000, 1 << 20});
  result.answer_timeout = random.between(duration{50}, duration{500});
  return result;
}

weather draw_weather(dice& random) {
  return {.loss_percent = random.chance(50) ? static_cast<unsigned>(random.below(50)) : 0,
          .repeat_percent = random.chance(50) ? static_cast<unsigned>(random.below(50)) : 0,
          .delay_min = duration{1},
          .delay_max =
              random.one_of(std::vector<duration>{duration{5}, duration{50}, duration{700}})};
}

crdt::payload draw_member(dice& random) {
  return {crdt::payload_kind::text, std::string(1, static_cast<char>('a' + random.below(6)))};
}

/// A change of one to three members, some with a context that was read on this or another node.
crdt::set_change draw_set_change(cluster& c, const crdt::key& key) {
  auto& random = c.random();
  crdt::set_change result;
  std::set<crdt::payload> members;
  for (auto left = 1 + random.below(3); left > 0; --left)
    members.insert(draw_member(random));
  for (const auto& member : members) {
    crdt::member_change change{member, std::nullopt};
    const auto* read = c.find(random.below(c.options().nodes), key);
    if (read && random.chance(50))
      change.observed = read->as<crdt::or_set>().context(member);
    (random.chance(55) ? result.add : result.remove).push_back(std::move(change));
  }
  return result;
}

/// One request of a client, to any node.
void request(cluster& c) {
  auto& random = c.random();
  const auto type = random.one_of(std::vector{crdt::type::counter, crdt::type::register_,
                                              crdt::type::set, crdt::type::set, crdt::type::set});
  const crdt::key key{type, std::to_string(random.below(3))};
  const auto at = random.below(c.options().nodes);
  switch (type) {
  case crdt::type::counter: {
    const auto amount = static_cast<std::int64_t>(1 + random.below(100));
    c.apply(at, key, crdt::counter_add{random.chance(50) ? amount : -amount});
    break;
  }
  case crdt::type::register_: {
    const auto size = random.chance(5) ? 500 : random.below(20);
    c.apply(at, key,
            crdt::register_assign{{crdt::payload_kind::bytes,
                                   std::string(size, static_cast<char>('a' + random.below(26)))}});
    break;
  }
  case crdt::type::set:
    c.apply(at, key, draw_set_change(c, key));
    break;
  }
}

/// Something that goes wrong, or right again.
void mishap(cluster& c, unsigned crash_percent) {
  auto& random = c.random();
  const auto nodes = c.options().nodes;
  const auto a = random.below(nodes);
  const auto b = (a + 1 + random.below(nodes - 1)) % nodes;
  if (random.chance(crash_percent)) {
    if (c.is_up(a))
      c.crash(a);
    else
      c.restart(a);
    return;
  }
  switch (random.below(6)) {
  case 0:
    c.net().now = draw_weather(random);
    break;
  case 1:
    c.net().cut(a, b);
    break;
  case 2:
    c.net().join(a, b);
    break;
  case 3:
    c.net().join_all();
    break;
  case 4:
    c.pause(a, random.between(duration{1}, duration{1500}));
    break;
  case 5:
    c.forget_for_a_while(a, b, random.between(duration{1}, duration{800}));
    break;
  }
}

std::unique_ptr<cluster> run(std::uint64_t seed) {
  dice random{seed};
  auto c = std::make_unique<cluster>(random.bits(), draw_options(random));
  c->net().now = draw_weather(random);
  const unsigned crash_percent = random.chance(60) ? 25 : 0;
  const auto pace = random.between(duration{5}, duration{60});
  for (auto steps = 50 + random.below(150); steps > 0; --steps) {
    request(*c);
    if (random.chance(8))
      mishap(*c, crash_percent);
    c->run_for(random.between(duration{0}, pace));
  }
  c->settle();
  return c;
}

TEST(Simulation, ReplicasAgreeAndLoseNothing) {
  const auto only = number_from_environment("STARLING_SEED");
  const auto first = only.value_or(1);
  const auto count = only ? 1 : number_from_environment("STARLING_SEEDS").value_or(300);

  std::size_t messages = 0;
  std::size_t transfers = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    const auto c = run(seed);
    messages += c->messages();
    transfers += c->transfers();
    for (const auto& complaint : c->past().complaints())
      ADD_FAILURE() << "STARLING_SEED=" << seed << ": " << complaint;
    if (HasFailure())
      break;
  }
  RecordProperty("messages", std::to_string(messages));
  RecordProperty("transfers", std::to_string(transfers));
  std::cout << count << " seeds from " << first << ": " << messages << " messages, " << transfers
            << " transfers of all states\n";
}

TEST(Simulation, OfOneSeedIsAlwaysTheSame) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    EXPECT_EQ(run(seed)->trace(), run(seed)->trace()) << "STARLING_SEED=" << seed;
  EXPECT_NE(run(1)->trace(), run(2)->trace());
}

} // namespace
} // namespace starling::simulation
