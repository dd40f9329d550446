// What a write costs within a node that keeps everything in memory, without sockets: in
// instructions, in time, and in memory for each key that is awake.
//
// Instructions do not depend on what else the machine does, so they are what to compare. They are
// counted by callgrind, as the difference of two runs of this program that differ in how many
// writes they make; `--count=writes`, `--count=joins` and `--count=messages` are such a
// run.

#include "actors/ending.hpp"
#include "actors/gossip.hpp"
#include "node/service.hpp"
#include "replication/gossip.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <malloc.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>

namespace {

using namespace starling;
using namespace std::chrono_literals;

const replication::digester digests{{}};
const auto replica = crdt::replica_id::from(1, 2);
const auto peer_replica = crdt::replica_id::from(3, 4);
constexpr replication::session_id own_session{1};
constexpr replication::session_id writer_session{2};

crdt::lww_register::stamp wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<crdt::lww_register::stamp>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

struct settings {
  std::size_t keys = 5'000;
  std::size_t writes = 200'000;
  std::size_t in_flight = 16;
  std::size_t shards = 4; // as a node has
  std::size_t workers = 1;
  std::size_t writes_a_round = 200'000; // of the gossip
  std::size_t items = 117;              // of a message: 11,700 writes a second, every 10 ms
  std::size_t awake = 1'000'000;
};

struct config : caf::actor_system_config {
  explicit config(std::size_t workers) {
    set("caf.scheduler.policy", "sharing");
    set("caf.scheduler.max-threads", workers);
    set("caf.scheduler.max-throughput", 300);
  }
};

crdt::key key_of(std::size_t number) {
  auto digits = std::to_string(number);
  return {crdt::type::counter, "visitors" + std::string(8 - digits.size(), '0') + digits};
}

std::vector<crdt::key> keys_of(const settings& s) {
  std::vector<crdt::key> result;
  for (std::size_t i = 0; i < s.keys; ++i)
    result.push_back(key_of(i));
  return result;
}

/// So that keys that follow each other are in different places.
constexpr std::size_t step = 2'654'435'761;

/// The actors of a node that clients' writes and peers' messages go through.
class small_node {
public:
  explicit small_node(const settings& s) : config_(s.workers), system_(config_) {
    gossip_ = actors::spawn_gossip(system_, {.session = own_session,
                                             .digests = digests,
                                             .interval = std::chrono::hours{24},
                                             .prompt_delay = 10ms,
                                             .random_seed = 1});
    auto* awake_bytes =
        system_.metrics().gauge_singleton("starling", "keys.awake-bytes", "As in a node.");
    std::vector<actors::shard_actor> shards;
    for (std::size_t i = 0; i < s.shards; ++i)
      shards.push_back(actors::spawn_shard(
          system_, {.keys = {.replica = replica,
                             .now = wall_clock,
                             .value_bytes_max = 1 << 20,
                             .digests = digests,
                             .gossip = gossip_,
                             .awake_bytes = awake_bytes},
                    .awake_max = std::max<std::size_t>(s.awake / s.shards, 1)}));
    shards_ = shards;
    caf::anon_send(gossip_, actors::shards_atom_v, shards);
    service_.emplace(system_,
                     node::service_context{actors::shard_map{std::move(shards)}, gossip_, {}}, 10s);
  }

  ~small_node() {
    service_->stop();
    const auto end = [](const auto& actor) {
      actors::end_before_the_rest(actor);
      actors::wait_for_end(actor);
    };
    end(gossip_);
    for (const auto& shard : shards_)
      end(shard);
  }

  node::service& service() { return *service_; }
  void start_round() { caf::anon_send(gossip_, actors::tick_atom_v); }

  /// Waits until all keys have told their news.
  void catch_up() {
    caf::scoped_actor self{system_};
    self->request(gossip_, caf::infinite, actors::report_atom_v)
        .receive([](const actors::gossip_report&) {},
                 [](const caf::error& why) { std::cerr << to_string(why) << '\n'; });
  }

  /// Lets the gossip take a message, and waits for its answer.
  std::string receive(const std::string& bytes) {
    caf::scoped_actor self{system_};
    std::string result;
    self->request(gossip_, caf::infinite, actors::message_atom_v, bytes)
        .receive([&](std::string& came) { result = std::move(came); },
                 [](const caf::error& why) { std::cerr << to_string(why) << '\n'; });
    return result;
  }

private:
  config config_;
  caf::actor_system system_;
  actors::gossip_actor gossip_;
  std::vector<actors::shard_actor> shards_;
  std::optional<node::service> service_;
};

/// Keeps some increments in flight, one call after the other, each key in its turn.
class writer {
public:
  writer(small_node& node, const settings& s, std::size_t writes)
      : node_(node), settings_(s), keys_(keys_of(s)), left_(writes) {}

  void run() {
    next();
    done_.wait();
  }

private:
  void next() {
    if (left_ == 0)
      return done_.receiver()(true);
    const auto some = std::min(left_, settings_.in_flight);
    std::vector<node::write_order> orders;
    orders.reserve(some);
    for (std::size_t i = 0; i < some; ++i)
      orders.push_back({keys_[at_++ * step % settings_.keys], crdt::counter_add{1}});
    left_ -= some;
    since_round_ += some;
    if (since_round_ >= settings_.writes_a_round) {
      since_round_ = 0;
      node_.start_round();
    }
    if (some == 1)
      node_.service().write(std::move(orders.front().key), std::move(orders.front().what),
                            [this](const auto&) { next(); });
    else
      node_.service().write(std::move(orders), [this](const node::write_outcomes& came) {
        for (const auto& one : came)
          if (!std::holds_alternative<crdt::view>(one))
            std::abort();
        next();
      });
  }

  small_node& node_;
  const settings& settings_;
  std::vector<crdt::key> keys_;
  std::size_t left_;
  std::size_t at_ = 0;
  std::size_t since_round_ = 0;
  actors::awaited<bool> done_;
};

/// Messages of a node that counts: each brings the totals of some keys, each key in its turn.
class counting_peer {
public:
  explicit counting_peer(const settings& s)
      : settings_(s), keys_(keys_of(s)), values_(s.keys, crdt::value{crdt::type::counter}) {}

  std::string next() {
    replication::message m{writer_session, own_session, ++sequence_};
    m.phase = replication::phase::tells;
    std::vector<replication::encoded_item> items;
    for (std::size_t i = 0; i < settings_.items; ++i) {
      const auto number = at_++ * step % settings_.keys;
      const auto delta = std::get<std::optional<crdt::value>>(
          crdt::apply(values_[number], crdt::counter_add{1}, peer_replica, 1));
      items.push_back({keys_[number], delta->encode()});
    }
    return replication::encode(m, items);
  }

private:
  const settings& settings_;
  std::vector<crdt::key> keys_;
  std::vector<crdt::value> values_;
  std::size_t at_ = 0;
  std::uint64_t sequence_ = 0;
};

struct cost {
  double wall = 0;      // us
  double processor = 0; // us, of the whole process
};

double processor_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

template <class What>
cost measure(std::size_t number, What what) {
  const auto begin = std::chrono::steady_clock::now();
  const auto used = processor_us();
  what();
  const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - begin;
  const auto n = static_cast<double>(number);
  return {wall.count() / n, (processor_us() - used) / n};
}

cost write_all(const settings& s) {
  small_node node{s};
  writer{node, s, s.keys}.run(); // so that all are awake
  return measure(s.writes, [&] { writer{node, s, s.writes}.run(); });
}

/// The first message of each key wakes it. `makes_only`: the messages are made, and nobody takes
/// them, to see what that costs.
cost join_all(const settings& s, bool makes_only = false) {
  small_node node{s};
  counting_peer peer{s};
  for (std::size_t joined = 0; joined < s.keys; joined += s.items)
    node.receive(peer.next());
  cost result;
  std::size_t joined = 0;
  for (; joined < s.writes; joined += s.items) {
    const auto message = peer.next();
    if (makes_only)
      continue;
    const auto one = measure(s.items, [&] { node.receive(message); });
    result.wall += one.wall * static_cast<double>(s.items);
    result.processor += one.processor * static_cast<double>(s.items);
  }
  return {result.wall / static_cast<double>(joined),
          result.processor / static_cast<double>(joined)};
}

double bytes_of_a_key(settings s, std::size_t awake) {
  s.awake = awake;
  constexpr std::size_t keys = 20'000;
  s.keys = keys;
  small_node node{s};
  writer all{node, s, keys};
  s.keys = 64;
  writer{node, s, s.keys}.run(); // what is made once
  s.keys = keys;
  const auto before = mallinfo2().uordblks;
  all.run();
  node.catch_up();
  std::this_thread::sleep_for(200ms); // those that go to rest have gone
  return static_cast<double>(mallinfo2().uordblks - before) / keys;
}

/// How many instructions this program takes with these arguments; 0 without callgrind.
double instructions(const std::string& self, const std::string& arguments) {
  const auto command =
      "valgrind --tool=callgrind --callgrind-out-file=/dev/null " + self + arguments + " 2>&1";
  auto* out = popen(command.c_str(), "r");
  if (out == nullptr)
    return 0;
  double result = 0;
  std::array<char, 512> line{};
  constexpr std::string_view label = "Collected : ";
  while (fgets(line.data(), line.size(), out) != nullptr)
    if (const auto at = std::string_view{line.data()}.find(label); at != std::string_view::npos)
      result = std::strtod(line.data() + at + label.size(), nullptr);
  return pclose(out) == 0 ? result : 0;
}

double instructions_each(const std::string& self, const std::string& what, std::size_t few,
                         std::size_t many) {
  const auto run = [&](std::size_t writes) {
    return instructions(self, " --count=" + what + " --writes=" + std::to_string(writes));
  };
  const auto less = run(few);
  const auto more = run(many);
  return less == 0 || more == 0 ? 0 : (more - less) / static_cast<double>(many - few);
}

void print_all(const std::string& self, const settings& s) {
  std::printf("| | instructions | processor, us | wall, us |\n|---|---:|---:|---:|\n");
  const auto row = [&](const char* name, const std::string& what, const cost& c, std::size_t few,
                       std::size_t many, double beside = 0) {
    std::printf("| %s | %.0f | %.2f | %.2f |\n", name,
                instructions_each(self, what, few, many) - beside, c.processor, c.wall);
    std::fflush(stdout);
  };
  auto alone = s;
  alone.in_flight = 1;
  row("a counter write, 16 in flight", "writes", write_all(s), 50'000, 150'000);
  row("a counter write, alone", "writes --in-flight=1", write_all(alone), 50'000, 100'000);
  const auto made = instructions_each(self, "messages", 50'000, 100'000);
  row("a counter write of a peer, joined", "joins", join_all(s), 50'000, 100'000, made);
  std::printf("\n| bytes for each key | |\n|---|---:|\n| awake | %.0f |\n| at rest | %.0f |\n",
              bytes_of_a_key(s, s.awake), bytes_of_a_key(s, s.shards));
}

bool starts(std::string_view text, std::string_view with, std::string& rest) {
  if (!text.starts_with(with))
    return false;
  rest = text.substr(with.size());
  return true;
}

} // namespace

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 1);
  node::register_types();
  settings s;
  std::string count;
  for (int i = 1; i < argc; ++i) {
    std::string rest;
    const std::string_view text = argv[i];
    if (starts(text, "--count=", count))
      continue;
    bool is_known = false;
    for (const auto& [name, to] : std::initializer_list<std::pair<const char*, std::size_t*>>{
             {"--writes=", &s.writes},
             {"--keys=", &s.keys},
             {"--in-flight=", &s.in_flight},
             {"--shards=", &s.shards},
             {"--workers=", &s.workers},
             {"--writes-a-round=", &s.writes_a_round},
             {"--items=", &s.items}})
      if (starts(text, name, rest)) {
        *to = static_cast<std::size_t>(std::stoull(rest));
        is_known = true;
      }
    if (!is_known) {
      std::cerr << "unknown argument " << text << '\n';
      return 1;
    }
  }
  if (count == "writes")
    write_all(s);
  else if (count == "joins")
    join_all(s);
  else if (count == "messages")
    join_all(s, true);
  else
    print_all(argv[0], s);
  return 0;
}
