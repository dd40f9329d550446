// ./dev bench membership: detection, load, false positives, healing and cost of the membership
// core. Deterministic, but for the times of the last part.

#include "bench/lifeguard_model.hpp"
#include "bench/member_world.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string_view>
#include <thread>

namespace {

// Of this thread.
thread_local std::uint64_t allocations = 0; // all
thread_local std::uint64_t ours = 0;        // by operator new, which calls malloc

} // namespace

// Counts what is allocated, by us and by what we call.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

// The library's own `operator delete` calls free, so this one fits it.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++ours;
  if (void* memory = std::malloc(size))
    return memory;
  throw std::bad_alloc{};
}

namespace {

using namespace starling;
using namespace starling::bench;
using namespace std::chrono_literals;

double seconds(bench::duration d) {
  return static_cast<double>(d.count()) / 1e6;
}

double quantile(std::vector<bench::duration> of, double q) {
  if (of.empty())
    return 0;
  std::ranges::sort(of);
  const auto at = static_cast<std::size_t>(std::ceil(q * static_cast<double>(of.size())));
  return seconds(of[std::min(of.size() - 1, at == 0 ? 0 : at - 1)]);
}

/// What --check found to be otherwise than it should be.
int failures = 0;

void require(bool holds, const char* what) {
  if (holds)
    return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

// --- 1: SWIM ---------------------------------------------------------------------------------

void first_detection(bool check) {
  std::puts("First ping of a crashed member, in protocol periods (theory: e/(e-1) = 1.58), and");
  std::puts("how long until it is suspected and dead, in seconds\n");
  std::puts(
      "| members | first ping, mean | suspected, mean | dead at the first, p50 | dead at all, "
      "p50 | p99 |");
  std::puts("|---:|---:|---:|---:|---:|---:|");
  for (const std::size_t n : {8u, 16u, 64u, 256u}) {
    if (check && n > 16)
      break;
    const int trials = n > 64 ? 40 : 200;
    double periods = 0;
    double suspected = 0;
    std::vector<bench::duration> dead_first;
    std::vector<bench::duration> dead_all;
    for (int trial = 0; trial < trials; ++trial) {
      membership::settings s;
      s.max_members = 1024;
      member_world w{s, static_cast<std::uint64_t>(trial) * 7919 + n};
      w.add_whole(n);
      w.run(5s);
      w.run(bench::duration{w.now.count() % 1000 + trial * 4973});
      const auto victim = n / 2;
      const auto start = w.now;
      bench::duration ping{0};
      bench::duration suspicion{0};
      std::vector<bench::duration> dead;
      w.crash(victim);
      w.spy = [&](std::size_t, std::size_t to, std::string_view bytes) {
        if (to == victim && bytes[1] == 1 && ping.count() == 0)
          ping = w.now - start;
      };
      w.heard = [&](std::size_t, const membership::event& e) {
        if (member_world::index_of(e.who.id) != victim)
          return;
        if (e.kind == membership::event_kind::suspected && suspicion.count() == 0)
          suspicion = w.now - start;
        if (e.kind == membership::event_kind::failed)
          dead.push_back(w.now - start);
      };
      while (dead.size() < n - 1 && w.now - start < 2min)
        w.run(100ms);
      periods += std::ceil(seconds(ping));
      suspected += seconds(suspicion);
      if (!dead.empty())
        dead_first.push_back(dead.front());
      if (dead.size() == n - 1)
        dead_all.push_back(dead.back());
    }
    std::printf("| %zu | %.2f | %.2f | %.2f | %.2f | %.2f |\n", n, periods / trials,
                suspected / trials, quantile(dead_first, 0.5), quantile(dead_all, 0.5),
                quantile(dead_all, 0.99));
    if (check) {
      require(std::abs(periods / trials - 1.58) < 0.25, "detection as fast as SWIM's");
      require(dead_all.size() == static_cast<std::size_t>(trials) && quantile(dead_all, 1) < 30,
              "a crashed member is dead everywhere in time");
    }
  }
  std::puts("");
}

void load(bool check) {
  std::puts("Messages that a member sends in a protocol period of a quiet group, in a minute\n");
  std::puts("| members | messages | bytes |");
  std::puts("|---:|---:|---:|");
  double least = 1e9;
  double most = 0;
  for (const std::size_t n : {8u, 16u, 32u, 64u, 128u, 256u, 512u}) {
    if (check && n > 128)
      break;
    membership::settings s;
    s.max_members = 1024;
    member_world w{s, n};
    w.add_whole(n);
    w.run(1min); // until nobody has news
    std::uint64_t bytes = 0;
    const auto before = w.datagrams;
    w.spy = [&](auto, auto, std::string_view b) { bytes += b.size(); };
    w.run(1min);
    const auto each = static_cast<double>(n) * 60;
    least = std::min(least, static_cast<double>(w.datagrams - before) / each);
    most = std::max(most, static_cast<double>(w.datagrams - before) / each);
    std::printf("| %zu | %.2f | %.0f |\n", n, static_cast<double>(w.datagrams - before) / each,
                static_cast<double>(bytes) / each);
  }
  std::puts("");
  if (check)
    require(most < 1.05 * least, "the load of a member does not depend on the size of the group");
}

void join_test(bool check) {
  std::puts("17 join one after the other, 10 percent of all datagrams are lost, 175 s: smallest "
            "group that any of them\nsees in the last minute, and failures in all\n");
  std::puts("| seed | smallest group | failures |");
  std::puts("|---:|---:|---:|");
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    member_world w{{}, seed};
    w.loss = 0.1;
    std::uint64_t failed = 0;
    w.heard = [&](std::size_t, const membership::event& e) {
      failed += e.kind == membership::event_kind::failed ? 1 : 0;
    };
    for (int i = 0; i < 17; ++i) {
      w.add();
      w.run(2s);
    }
    w.run_until(115s);
    std::size_t smallest = 17;
    while (w.now < 175s) {
      w.run(1s);
      for (const auto& n : w.nodes)
        smallest = std::min(smallest, n.core->live_members());
    }
    std::printf("| %llu | %zu | %llu |\n", static_cast<unsigned long long>(seed), smallest,
                static_cast<unsigned long long>(failed));
    if (check)
      require(smallest == 17, "17 of 17 stay together");
  }
  std::puts("");
}

// --- 2: Lifeguard ----------------------------------------------------------------------------

struct cell {
  std::size_t members;
  std::chrono::milliseconds block;
  std::chrono::milliseconds rest;
};

std::vector<cell> grid(bool whole) {
  std::vector<std::size_t> members{4, 16, 32};
  std::vector<int> blocks{512, 8192, 32'768};
  std::vector<int> rests{4, 256, 4096};
  if (whole) {
    members = {1, 4, 8, 12, 16, 20, 24, 28, 32};
    blocks = {128, 512, 2048, 8192, 16'384, 32'768};
    rests = {1, 4, 16, 64, 256, 1024, 4096, 16'384};
  }
  std::vector<cell> result;
  for (const auto m : members)
    for (const auto b : blocks)
      for (const auto r : rests)
        result.push_back({m, std::chrono::milliseconds{b}, std::chrono::milliseconds{r}});
  return result;
}

std::uint64_t seed_of(const cell& c, std::uint64_t repetition) {
  return c.members * 1'000'003 + static_cast<std::uint64_t>(c.block.count() * 7 + c.rest.count()) +
         repetition * 1'000'000'007;
}

struct totals {
  double false_positives = 0;
  double at_healthy = 0;
  double messages = 0;
};

void print_row(const char* name, const totals& t, const totals& base) {
  const auto share = [](double a, double b) { return b > 0 ? 100 * a / b : 0.0; };
  std::printf("| %s | %.0f | %.0f | %.2f | %.2f | %.2f | %.1f |\n", name, t.false_positives,
              t.at_healthy, share(t.false_positives, base.false_positives),
              share(t.at_healthy, base.at_healthy), t.messages / 1e6,
              share(t.messages, base.messages));
  std::fflush(stdout);
}

/// Runs `one`, of a cell and its seed, on all of them as often as asked; the mean of their sums.
/// Cells are independent, so all processors share them.
template <class Run>
totals mean_of(const std::vector<cell>& cells, unsigned repetitions, Run one) {
  const auto runs = cells.size() * repetitions;
  std::atomic<std::size_t> next = 0;
  totals sum;
  std::mutex adding;
  const auto work = [&] {
    for (std::size_t k; (k = next++) < runs;) {
      const auto& c = cells[k % cells.size()];
      const auto t = one(c, seed_of(c, k / cells.size()));
      const std::scoped_lock lock{adding};
      sum.false_positives += t.false_positives;
      sum.at_healthy += t.at_healthy;
      sum.messages += t.messages;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = std::max(1u, std::thread::hardware_concurrency()); i > 0; --i)
      threads.emplace_back(work);
  }
  // Whole numbers, so that the order in which they were added does not show.
  return {sum.false_positives / repetitions, sum.at_healthy / repetitions,
          sum.messages / repetitions};
}

totals run_model(const lifeguard_settings& s, const std::vector<cell>& cells,
                 unsigned repetitions) {
  return mean_of(cells, repetitions, [&](const cell& c, std::uint64_t seed) {
    const auto r = run_lifeguard(s, {c.members, c.block, c.rest}, 120s, seed);
    return totals{static_cast<double>(r.false_positives),
                  static_cast<double>(r.false_positives_at_healthy),
                  static_cast<double>(r.messages)};
  });
}

/// The same with our cores. `whole_process`: all of it stands still, timers too.
totals run_ours(const membership::settings& s, const std::vector<cell>& cells, bool whole_process) {
  return mean_of(cells, 1, [&](const cell& c, std::uint64_t seed) {
    totals t;
    member_world w{s, seed};
    w.add_whole(128);
    w.run(15s);
    std::vector<std::size_t> order(128);
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    membership::random_source random{seed};
    random.shuffle(order);
    std::vector<bool> anomalous(128);
    for (std::size_t i = 0; i < c.members; ++i)
      anomalous[order[i]] = true;
    w.heard = [&](std::size_t at, const membership::event& e) {
      if (e.kind != membership::event_kind::failed || anomalous[member_world::index_of(e.who.id)])
        return;
      ++t.false_positives;
      t.at_healthy += anomalous[at] ? 0 : 1;
    };
    const auto before = w.datagrams;
    const auto start = w.now;
    const auto each = [&](auto what) {
      for (std::size_t i = 0; i < anomalous.size(); ++i)
        if (anomalous[i])
          what(i);
    };
    while (w.now - start < 120s) {
      each([&](std::size_t i) { whole_process ? w.stop(i) : w.block_io(i); });
      w.run(c.block);
      each([&](std::size_t i) { whole_process ? w.go_on(i) : w.unblock_io(i); });
      w.run(c.rest);
    }
    t.messages = static_cast<double>(w.datagrams - before);
    return t;
  });
}

struct model_row {
  const char* name;
  lifeguard_settings settings;
  totals recorded; // on the part of the grid
};

const std::array<model_row, 6> model_rows{{
    {"SWIM (model)", {.alpha = 5, .beta = 1}, {2468, 4, 2622013}},
    {"LHA-Probe (model)",
     {.alpha = 5, .beta = 1, .health_scales_probes = true},
     {2407, 4, 2713347}},
    {"LHA-Suspicion (model)", {.alpha = 5, .beta = 6, .suspicion_shrinks = true}, {1, 1, 3424615}},
    {"Buddy (model)", {.alpha = 5, .beta = 1, .buddy = true}, {2482, 2, 2631096}},
    {"Lifeguard (model)",
     {.alpha = 5,
      .beta = 6,
      .health_scales_probes = true,
      .suspicion_shrinks = true,
      .buddy = true},
     {21, 2, 3502995}},
    {"Lifeguard, alpha 4 (model)",
     {.alpha = 4,
      .beta = 6,
      .health_scales_probes = true,
      .suspicion_shrinks = true,
      .buddy = true},
     {248, 3, 3451735}},
}};

void lifeguard(bool whole, unsigned repetitions, bool check) {
  const auto cells = grid(whole);
  std::printf("False positives with 128 members, %zu cells (C anomalous, D ms blocked, I ms "
              "normal); FP-: raised at healthy members; the model: mean of %u\n\n",
              cells.size(), repetitions);
  std::puts("| | FP | FP- | FP, % of SWIM | FP-, % | messages, M | messages, % |");
  std::puts("|---|---:|---:|---:|---:|---:|---:|");
  totals base;
  for (const auto& row : model_rows) {
    const auto t = run_model(row.settings, cells, repetitions);
    if (base.messages == 0)
      base = t;
    print_row(row.name, t, base);
    if (check)
      require(t.false_positives == row.recorded.false_positives &&
                  t.at_healthy == row.recorded.at_healthy && t.messages == row.recorded.messages,
              "the model gives what was recorded");
  }
  for (const bool whole_process : {false, true}) {
    const auto t = run_ours({}, cells, whole_process);
    print_row(whole_process ? "ours, alpha 4, process stopped" : "ours, alpha 4, I/O blocked", t,
              base);
    if (check) {
      require(t.false_positives < 0.005 * base.false_positives,
              "false positives below 0.5 percent of SWIM's");
      require(t.at_healthy == 0, "no false positive at a healthy member");
    }
  }
  std::puts("");
}

// --- 3: healing ------------------------------------------------------------------------------

void healing(bool whole, bool check) {
  std::puts("From the end of a partition until all tables are equal and all members alive, in "
            "seconds\n");
  std::puts("| partition | members | trials | p50 | p99 | worst |");
  std::puts("|---|---:|---:|---:|---:|---:|");
  for (const bool is_long : {false, true})
    for (const std::size_t n : {3u, 8u, 16u}) {
      const int trials = is_long ? (whole ? 100 : 10) : (whole ? 1000 : 200);
      if (check && is_long)
        continue;
      std::vector<bench::duration> times;
      for (int trial = 0; trial < trials; ++trial) {
        member_world w{{}, static_cast<std::uint64_t>(trial) * 31 + n};
        w.add_whole(n);
        w.run(10s);
        const auto border = 1 + static_cast<std::size_t>(trial) % (n - 1);
        w.cut = [border](std::size_t a, std::size_t b) { return (a < border) != (b < border); };
        w.run(is_long ? bench::duration{6h} : bench::duration{1min});
        w.cut = nullptr;
        const auto start = w.now;
        while (!w.is_whole() && w.now - start < 5min)
          w.run(10ms);
        times.push_back(w.now - start);
      }
      std::printf("| %s | %zu | %d | %.2f | %.2f | %.2f |\n", is_long ? "6 h" : "1 min", n, trials,
                  quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1));
      std::fflush(stdout);
      if (check)
        require(quantile(times, 0.99) <= 15, "a partition heals within 15 s");
    }
  std::puts("");
}

// --- 4: cost ---------------------------------------------------------------------------------

void cost(bool check) {
  std::puts("CPU for each ping that one member of 1,000 receives, its ack included\n");
  constexpr std::size_t members = 1000;
  constexpr std::uint64_t wall = 1'700'000'000'000;
  const wire::secret secret{"bench", "a key for measurements"};
  const auto id_of = [](std::size_t i) { return member_world::id_of(i); };
  const auto udp_of = [](std::size_t i) {
    return membership::udp_address::v4(10, 0, static_cast<std::uint8_t>(i >> 8),
                                       static_cast<std::uint8_t>(i), 1);
  };
  membership::settings s;
  s.max_members = 1024;
  membership::swim core{
      s, {id_of(0), wall, wall, membership::session_id{1}, "n0:1", "n0", ""}, secret, {}, 1, 0s};
  core.start(0s, udp_of(0));
  wire::writer table;
  table.u8(1);
  encode(table, id_of(1));
  table.varint(members - 1);
  for (std::size_t i = 1; i < members; ++i) {
    const membership::incarnation at{wall, 0};
    const auto address = "n" + std::to_string(i) + ":1";
    encode(table, membership::member{id_of(i),
                                     {at, membership::member_state::alive, {}},
                                     membership::profile{at, membership::session_id{i + 1},
                                                         udp_of(i), address, address, ""}});
    table.varint(0);
  }
  static_cast<void>(core.answer(0s, membership::call_kind::sync, table.view()));

  std::vector<std::string> pings;
  constexpr std::size_t rounds = 40;
  for (std::size_t k = 0; k < rounds * (members - 1); ++k) {
    const auto i = 1 + k % (members - 1);
    wire::writer out;
    membership::packet_writer writer{out, s.packet_bytes};
    writer.begin(secret.cluster_id(),
                 {.kind = membership::packet_kind::ping,
                  .from = id_of(i),
                  .session = membership::session_id{i + 1},
                  .at = {wall, 0},
                  .settled = true,
                  .counter = 1 + k / (members - 1),
                  .digest = core.table().digest()},
                 {.number = k, .target = id_of(0)});
    writer.finish(secret);
    pings.push_back(std::move(out).take());
  }
  const auto receive = [&](std::size_t k) {
    core.receive(1s, udp_of(1 + k % (members - 1)), pings[k]);
  };
  const auto half = pings.size() / 2;
  for (std::size_t k = 0; k < half; ++k)
    receive(k);
  const auto all_before = allocations;
  const auto ours_before = ours;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t k = half; k < pings.size(); ++k)
    receive(k);
  const auto took = std::chrono::steady_clock::now() - start;
  const auto packets = static_cast<double>(pings.size() - half);
  const auto our_share = static_cast<double>(ours - ours_before);
  const auto others = static_cast<double>(allocations - all_before) - our_share;
  std::puts("| packets | microseconds each | allocations each | of OpenSSL, each |");
  std::puts("|---:|---:|---:|---:|");
  std::printf("| %.0f | %.2f | %.3f | %.1f |\n\n", packets,
              std::chrono::duration<double, std::micro>(took).count() / packets,
              our_share / packets, others / packets);
  if (check) // the time is for people: machines differ
    require(our_share == 0, "a quiet group costs no allocation");
}

int usage() {
  std::fputs("usage: bench membership [--check | [--whole] [--repetitions=N]] "
             "[--only=swim|lifeguard|healing|cost]\n",
             stderr);
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  bool whole = false;
  bool check = false;
  unsigned repetitions = 1;
  std::string_view only;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    if (argument == "--whole") {
      whole = true;
    } else if (argument == "--check") {
      check = true;
    } else if (argument.starts_with("--repetitions=")) {
      repetitions = static_cast<unsigned>(std::clamp(std::atoi(argv[i] + 14), 0, 1000));
    } else if (argument.starts_with("--only=")) {
      only = argument.substr(7);
    } else {
      return usage();
    }
  }
  if (repetitions == 0 || (check && (whole || repetitions > 1)))
    return usage();
  const auto wanted = [&](std::string_view part) { return only.empty() || only == part; };
  if (wanted("swim")) {
    first_detection(check);
    load(check);
    join_test(check);
  }
  if (wanted("lifeguard"))
    lifeguard(whole, repetitions, check);
  if (wanted("healing"))
    healing(whole, check);
  if (wanted("cost"))
    cost(check);
  return failures == 0 ? 0 : 1;
}
