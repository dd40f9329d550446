// What a disk costs: writes, large sets, memory, starting, crashes; with real processes. See
// README.md.

#include "bench/http_load.hpp"
#include "bench/server.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace starling::bench {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t connections = 64;
constexpr std::size_t many_members_max = 170'000;

double seconds_since(clock::time_point begin) {
  return std::chrono::duration<double>{clock::now() - begin}.count();
}

double quantile(std::vector<double> values, double q) {
  if (values.empty())
    return 0;
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

double median(const std::vector<double>& values) {
  return quantile(values, 0.5);
}

const std::vector<std::string> usual_flags{
    // One thread for each connection, and some for questions meanwhile.
    "--http.threads=80"};

server in_memory_node() {
  auto flags = usual_flags;
  flags.emplace_back("--in-memory");
  return server{flags};
}

server durable_node(const std::filesystem::path& folder) {
  auto flags = usual_flags;
  flags.push_back("--data-dir=" + folder.string());
  return server{flags};
}

// --- 1: writes ---------------------------------------------------------------------------------

/// How long it takes to append a little to a file and have the disk keep it, if each sync takes so
/// much longer.
double seconds_of_a_sync(const std::filesystem::path& folder, std::chrono::milliseconds more = {}) {
  const auto path = folder / "appended";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string little(4096, 'x');
  std::vector<double> took;
  for (int i = 0; i < 30; ++i) {
    const auto begin = clock::now();
    if (::write(file, little.data(), little.size()) < 0 || ::fdatasync(file) != 0)
      std::exit(1);
    if (more.count() > 0)
      std::this_thread::sleep_for(more);
    took.push_back(seconds_since(begin));
  }
  ::close(file);
  std::filesystem::remove(path);
  return quantile(took, 0.1); // of the others, some waited for a processor
}

/// Increments, each of the next one of so many counters.
requests increments(std::uint64_t counters) {
  return [counters](std::uint64_t n) {
    return post("/counters/c" + std::to_string(n % counters), R"({"increment": 1})");
  };
}

/// Rounds in which a node that syncs takes turns with one in memory.
class synced_rounds {
public:
  /// Counts the syncs of this node from now on.
  explicit synced_rounds(const server& syncing)
      : syncing_(syncing), syncs_before_(count("syncs")), changes_before_(count("changes")) {}

  void add(double in_memory, double disk, double synced) {
    in_memory_.push_back(in_memory);
    disk_.push_back(disk);
    synced_.push_back(synced);
    ratios_.push_back(synced / std::min(in_memory, connections / disk));
  }

  double in_memory() const { return median(in_memory_); }

  /// The cells of a table from the rate of the syncing node on.
  void print() const {
    std::printf(" %.0f | %.3f | %.0f | %.2f | %.3f |\n", median(synced_), 1000 * median(disk_),
                connections / median(disk_), median(ratios_),
                (count("syncs") - syncs_before_) / (count("changes") - changes_before_));
  }

private:
  double count(const std::string& of) const {
    return syncing_.metric("starling_storage_" + of + "_total");
  }

  const server& syncing_;
  double syncs_before_;
  double changes_before_;
  std::vector<double> in_memory_;
  std::vector<double> disk_; // seconds of a sync
  std::vector<double> synced_;
  std::vector<double> ratios_;
};

void writes(bool whole) {
  std::printf("Increments a second over %zu connections; medians of rounds in which the nodes take "
              "turns\n\n",
              connections);
  std::puts("| counters | in memory | batch | sync | a sync of the disk, ms | 64 for each | sync "
            "over the smaller | syncs for each write |");
  std::puts("|---:|---:|---:|---:|---:|---:|---:|---:|");
  for (const std::uint64_t counters : {1u, 10'000u}) {
    const scratch_folder folder;
    auto memory = in_memory_node();
    auto batch = durable_node(folder / "batch");
    batch.add_flag("--durability=batch");
    auto sync = durable_node(folder / "sync");
    const auto next = increments(counters);
    for (auto* one : {&memory, &batch, &sync}) {
      one->start();
      send_all(one->http_port(), connections, next, {.count = std::max(counters, 10'000ul)});
    }
    const auto rate = [&next](const server& of) {
      return send_all(of.http_port(), connections, next, {.time = 500ms}).per_second();
    };
    synced_rounds rounds{sync};
    std::vector<double> batched;
    for (int round = 0; round < (whole ? 60 : 15); ++round) {
      const auto in_memory = rate(memory);
      const auto disk = seconds_of_a_sync(folder.path());
      rounds.add(in_memory, disk, rate(sync));
      batched.push_back(rate(batch));
    }
    std::printf("| %lu | %.0f | %.0f |", counters, rounds.in_memory(), median(batched));
    rounds.print();
  }
  std::puts("");
}

/// The same where the disk is slower.
void slow_writes(bool whole) {
  std::puts(
      "Increments of one counter, where each sync of the node takes some milliseconds longer\n");
  std::puts(
      "| longer by, ms | in memory | sync | a sync of the disk, ms | 64 for each | sync over the "
      "smaller | syncs for each write |");
  std::puts("|---:|---:|---:|---:|---:|---:|---:|");
  const scratch_folder folder;
  auto memory = in_memory_node();
  memory.start();
  const auto next = increments(1);
  const auto rate = [&next](const server& of) {
    return send_all(of.http_port(), connections, next, {.time = 1s}).per_second();
  };
  rate(memory);
  for (const auto more : {1ms, 2ms, 5ms, 10ms, 20ms}) {
    auto sync = durable_node(folder / std::to_string(more.count()));
    sync.add_variable("LD_PRELOAD=" SLOW_DISK_PATH);
    sync.add_variable("SLOW_DISK_US=" + std::to_string(std::chrono::microseconds{more}.count()));
    sync.start();
    rate(sync);
    synced_rounds rounds{sync};
    for (int round = 0; round < (whole ? 15 : 5); ++round) {
      const auto in_memory = rate(memory);
      const auto disk = seconds_of_a_sync(folder.path(), more);
      rounds.add(in_memory, disk, rate(sync));
    }
    std::printf("| %ld | %.0f |", more.count(), rounds.in_memory());
    rounds.print();
  }
  std::puts("");
}

// --- 2: large sets -----------------------------------------------------------------------------

std::string member(std::uint64_t n) {
  return "member-" + std::to_string(n);
}

/// Adds the members of some numbers to a set.
std::string adds(const std::string& set, std::uint64_t first, std::uint64_t count) {
  std::string body = R"({"add": [)";
  for (auto n = first; n < first + count; ++n)
    body += (n == first ? "\"" : ",\"") + member(n) + '"';
  return post("/sets/" + set, body + "]}");
}

void fill_set(const server& node, const std::string& set, std::uint64_t members) {
  constexpr std::uint64_t at_a_time = 1'000;
  const auto got = send_all(node.http_port(), 2,
                            [&](std::uint64_t n) { return adds(set, n * at_a_time, at_a_time); },
                            {.count = members / at_a_time});
  if (got.acknowledged * at_a_time != members)
    throw std::runtime_error{"a set cannot be filled"};
}

void sets(bool whole) {
  const std::uint64_t rounds = whole ? 5'000 : 2'000;
  std::printf(
      "Adding one member to sets of different sizes in turn, each add synced: %lu times, in "
      "ms\n\n",
      rounds);
  std::puts("| members | median | to the smallest set's | p99 |");
  std::puts("|---:|---:|---:|---:|");
  const scratch_folder folder;
  auto node = durable_node(folder / "data");
  node.add_flag("--gossip.max-value=1073741824");
  node.start();
  const std::uint64_t sizes[] = {1'000, 100'000, 1'000'000};
  for (const auto size : sizes)
    fill_set(node, std::to_string(size), size);
  http_connection client{node.http_port()};
  std::vector<double> took[3];
  for (std::uint64_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < 3; ++i) {
      const auto request = adds(std::to_string(sizes[i]), sizes[i] + round, 1);
      const auto begin = clock::now();
      if (client.send(request).status != 200)
        throw std::runtime_error{"an add is not answered"};
      took[i].push_back(1000 * seconds_since(begin));
    }
  for (std::size_t i = 0; i < 3; ++i)
    std::printf("| %lu | %.3f | %.2f | %.3f |\n", sizes[i], median(took[i]),
                median(took[i]) / median(took[0]), quantile(took[i], 0.99));
  std::puts("");
}

/// Names of three characters, as many as a body of 1 MiB holds, in the order of the alphabet that a
/// client might use.
std::string many_members(const std::string& set, std::string_view verb) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  auto body = std::string{R"({")"}.append(verb).append(R"(": [)");
  std::size_t count = 0;
  for (const auto a : letters)
    for (const auto b : letters)
      for (const auto c : letters)
        if (count < many_members_max) {
          body += count++ == 0 ? "\"" : ",\"";
          body.append({a, b, c, '"'});
        }
  return post("/sets/" + set, body + "]}");
}

/// What others see meanwhile: increments of another key, one after the other.
class other_client {
public:
  explicit other_client(const server& node)
      : thread_([this, port = node.http_port()](const std::stop_token& stop) {
          http_connection client{port};
          while (!stop.stop_requested()) {
            const auto begin = clock::now();
            client.send(post("/counters/other", R"({"increment": 1})"));
            took_.push_back(1000 * seconds_since(begin));
            std::this_thread::sleep_for(2ms);
          }
        }) {}

  /// How long each took, ms. Ends it.
  std::vector<double> end() {
    thread_.request_stop();
    thread_.join();
    return took_;
  }

private:
  std::vector<double> took_;
  std::jthread thread_; // last: it uses the other
};

/// Two nodes: one takes bodies of many members, the other joins what the first one tells it.
class pair_of_nodes {
public:
  pair_of_nodes() {
    for (auto* one : {&writer, &joiner}) {
      one->add_flag("--durability=batch");
      one->add_flag("--http.max-body=2097152");
      one->add_flag("--cluster.seeds=127.0.0.1:" + std::to_string(writer.peer_port()));
      one->start();
    }
    std::this_thread::sleep_for(2s);
  }

  /// Sends a body to the writer.
  void change(const std::string& set, std::string_view verb) const {
    http_connection client{writer.http_port()};
    if (client.send(many_members(set + "?contexts=false", verb)).status != 200)
      throw std::runtime_error{"a body of many members is not answered"};
  }

  void wait_until_equal() const {
    while (root_of(writer) != root_of(joiner))
      std::this_thread::sleep_for(50ms);
  }

  void wait_until_joined(const std::string& set, std::size_t members) const {
    http_connection client{joiner.http_port()};
    const auto request = get("/sets/" + set + "/members/aaa");
    const auto wanted = "\"cardinality\": " + std::to_string(members) + ',';
    while (client.send(request).body.find(wanted) == std::string::npos)
      std::this_thread::sleep_for(50ms);
  }

private:
  static std::string root_of(const server& node) {
    const auto body = http_connection{node.http_port()}.send(get("/cluster")).body;
    return body.substr(body.find("\"root\""), 45);
  }

  scratch_folder folder_;

public:
  server writer = durable_node(folder_ / "writer");
  server joiner = durable_node(folder_ / "joiner");
};

/// One body that names as many members as it can: what it costs, and what others wait for it.
void members(bool whole) {
  const int rounds = whole ? 20 : 5;
  std::printf("One body with %zu members of 3 bytes, written to one node and joined by another: "
              "microseconds of processor for each member, all that the process does, medians of "
              "%d; and how long another client's writes take meanwhile, ms\n\n",
              many_members_max, rounds);
  std::puts("| | writes, us | joins, us | writer's others, p99 | longest | joiner's others, p99 | "
            "longest |");
  std::puts("|---|---:|---:|---:|---:|---:|---:|");
  pair_of_nodes nodes;
  const server* both[] = {&nodes.writer, &nodes.joiner};
  constexpr const char* names[] = {"add", "add again", "remove"};
  constexpr const char* verbs[] = {"add", "add", "remove"};
  std::vector<double> each[3][2];
  std::vector<double> waits[3][2];
  for (int round = 0; round < rounds; ++round)
    for (const std::size_t what : {0u, 1u, 2u}) {
      const double before[] = {both[0]->processor_seconds(), both[1]->processor_seconds()};
      nodes.change("cost" + std::to_string(round), verbs[what]);
      nodes.wait_until_equal();
      std::this_thread::sleep_for(700ms); // what is done behind
      for (const std::size_t i : {0u, 1u})
        each[what][i].push_back(1e6 * (both[i]->processor_seconds() - before[i]) /
                                static_cast<double>(many_members_max));
    }
  for (int round = 0; round < rounds; ++round)
    for (const std::size_t what : {0u, 2u}) {
      const auto set = "wait" + std::to_string(round);
      other_client others[] = {other_client{*both[0]}, other_client{*both[1]}};
      nodes.change(set, verbs[what]);
      nodes.wait_until_joined(set, what == 0 ? many_members_max : 0);
      for (const std::size_t i : {0u, 1u})
        std::ranges::copy(others[i].end(), std::back_inserter(waits[what][i]));
    }
  for (const std::size_t what : {0u, 1u, 2u}) {
    std::printf("| %s | %.2f | %.2f |", names[what], median(each[what][0]), median(each[what][1]));
    for (const auto& ms : waits[what])
      ms.empty() ? std::printf(" | |")
                 : std::printf(" %.0f | %.0f |", quantile(ms, 0.99), std::ranges::max(ms));
    std::puts("");
  }
  std::puts("");
}

// --- 3: memory and disk ------------------------------------------------------------------------

/// Makes counters of the numbers from first to last.
void fill_counters(const server& node, std::uint64_t first, std::uint64_t last) {
  const auto got =
      send_all(node.http_port(), connections,
               [first](std::uint64_t n) {
                 return post("/counters/c" + std::to_string(first + n), R"({"increment": 1})");
               },
               {.count = last - first});
  if (got.acknowledged != last - first)
    throw std::runtime_error{"counters cannot be made"};
}

/// Bytes of memory for each counter, while most of them are awake or at rest: what the second half
/// of so many takes, with caches that are full by then.
double memory_for_each(server& node, std::uint64_t keys, bool are_awake) {
  node.add_flag(are_awake ? "--keys.max-awake=100000000" : "--keys.max-awake=1000");
  node.add_flag("--keys.max-awake-bytes=1099511627776");
  node.add_flag("--keys.rest-after=1h");
  node.add_flag("--durability=none");
  node.add_flag("--storage.cache=1048576");
  node.add_flag("--storage.write-buffer=1048576");
  node.start();
  fill_counters(node, 0, keys / 2);
  const auto half = node.resident_bytes();
  fill_counters(node, keys / 2, keys);
  const auto all = node.resident_bytes();
  return static_cast<double>(all - half) / (static_cast<double>(keys) / 2);
}

void memory(bool whole) {
  constexpr std::uint64_t keys = 200'000;
  std::printf("Bytes of memory for each of %lu counters\n\n", keys);
  std::puts("| | awake | at rest |");
  std::puts("|---|---:|---:|");
  for (const bool has_disk : {false, true}) {
    double each[2];
    for (const bool are_awake : {true, false}) {
      const scratch_folder folder;
      auto node = has_disk ? durable_node(folder / "data") : in_memory_node();
      each[are_awake ? 0 : 1] = memory_for_each(node, keys, are_awake);
    }
    std::printf("| %s | %.0f | %.0f |\n", has_disk ? "with a disk" : "in memory", each[0], each[1]);
  }
  std::puts("");

  const std::uint64_t many = whole ? 2'000'000 : 200'000;
  const scratch_folder folder;
  auto node = durable_node(folder / "data");
  node.add_flag("--durability=none");
  node.add_flag("--keys.max-awake=" + std::to_string(many / 100));
  node.start();
  const auto empty = node.resident_bytes();
  fill_counters(node, 0, many);
  const auto full = node.resident_bytes();
  node.stop();
  node.start();
  std::this_thread::sleep_for(5s); // it reads all digests
  std::printf("A node with a disk, %lu counters and %.0f of them awake: %.1f MiB; empty %.1f, "
              "started anew %.1f\n\n",
              many, static_cast<double>(many) / 100, static_cast<double>(full) / (1 << 20),
              static_cast<double>(empty) / (1 << 20),
              static_cast<double>(node.resident_bytes()) / (1 << 20));
}

/// What a node with these values has on its disk, once the log is in files of rows.
template <class Fill>
double disk_bytes(Fill fill) {
  const scratch_folder folder;
  auto node = durable_node(folder / "data");
  node.add_flag("--durability=none");
  node.add_flag("--gossip.max-value=1073741824");
  node.start();
  fill(node);
  node.stop();
  node.start();
  node.stop();
  return static_cast<double>(bytes_below(folder.path()));
}

void disk(bool whole) {
  const std::uint64_t count = whole ? 1'000'000 : 100'000;
  const auto empty = disk_bytes([](const server&) {});
  const auto counters = disk_bytes([&](const server& to) { fill_counters(to, 0, count); });
  const auto members = disk_bytes([&](const server& to) { fill_set(to, "s", count); });
  std::printf("Bytes on disk for each of %lu: counter %.1f, member of a set %.1f; names of %zu and "
              "%zu bytes at most\n\n",
              count, (counters - empty) / static_cast<double>(count),
              (members - empty) / static_cast<double>(count),
              ("c" + std::to_string(count - 1)).size(), member(count - 1).size());
}

// --- 4: starting -------------------------------------------------------------------------------

/// From the start of a process to the first answer to a request.
double seconds_to_an_answer(server& node, const std::string& request) {
  const auto begin = clock::now();
  node.launch();
  while (http_connection{node.http_port()}.send(request).status != 200)
    std::this_thread::sleep_for(1ms);
  return seconds_since(begin);
}

void starting(bool whole) {
  std::puts("From the start of a process to its first answer, in s: medians and the longest of five"
            "\n");
  std::puts("| keys | ended by | a read | longest | a write | longest |");
  std::puts("|---:|---|---:|---:|---:|---:|");
  for (const std::uint64_t keys : {10'000ul, whole ? 1'000'000ul : 100'000ul}) {
    const scratch_folder folder;
    auto node = durable_node(folder / "data");
    node.add_flag("--durability=none"); // while it is filled
    node.start();
    fill_counters(node, 0, keys);
    node.stop();
    node.add_flag("--durability=sync");
    for (const bool is_killed : {false, true}) {
      const auto end_after_writes = [&] {
        send_all(node.http_port(), connections, increments(keys), {.count = 10'000});
        is_killed ? node.crash() : node.stop();
      };
      node.start();
      std::vector<double> reads;
      std::vector<double> writes_;
      for (std::uint64_t i = 0; i < 5; ++i) {
        const auto target = "/counters/c" + std::to_string(i * keys / 5);
        end_after_writes();
        reads.push_back(seconds_to_an_answer(node, get(target)));
        end_after_writes();
        writes_.push_back(seconds_to_an_answer(node, post(target, R"({"increment": 1})")));
      }
      std::printf("| %lu | %s | %.3f | %.3f | %.3f | %.3f |\n", keys,
                  is_killed ? "kill -9" : "a stop", median(reads), quantile(reads, 1),
                  median(writes_), quantile(writes_, 1));
      node.stop();
    }
  }
  std::puts("");
}

// --- 5: a whole cluster ------------------------------------------------------------------------

/// The sum of all counters that a node shows; -1 where one is not answered.
std::int64_t sum_of_counters(const server& node, std::uint64_t counters) {
  http_connection client{node.http_port()};
  std::int64_t sum = 0;
  for (std::uint64_t n = 0; n < counters; ++n) {
    const auto got = client.send(get("/counters/c" + std::to_string(n)));
    if (got.status != 200)
      return -1;
    sum += std::stoll(got.body.substr(got.body.find(':') + 1));
  }
  return sum;
}

void crashes(bool whole) {
  constexpr std::uint64_t counters = 1'000;
  std::printf("Three nodes, killed together under increments of %lu counters and started again\n\n",
              counters);
  std::puts(
      "| acknowledged so far | not answered so far | found on each | until all is equal, s |");
  std::puts("|---:|---:|---:|---:|");
  const scratch_folder folder;
  std::deque<server> nodes;
  for (const auto* name : {"0", "1", "2"})
    nodes.emplace_back(std::vector<std::string>{"--http.threads=80", "--gossip.interval=100ms",
                                                "--data-dir=" + (folder / name).string()});
  std::string seeds;
  for (const auto& one : nodes)
    seeds +=
        (seeds.empty() ? "\"127.0.0.1:" : ",\"127.0.0.1:") + std::to_string(one.peer_port()) + '"';
  for (auto& one : nodes) {
    one.add_flag("--cluster.seeds=[" + seeds + "]");
    one.start();
  }
  std::uint64_t acknowledged = 0;
  std::uint64_t unanswered = 0;
  for (int round = 0; round < (whole ? 20 : 5); ++round) {
    load_result results[3];
    std::vector<std::thread> loads;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      loads.emplace_back(
          [&, i] { results[i] = send_all(nodes[i].http_port(), 16, increments(counters), {}); });
    std::this_thread::sleep_for(1s + round * 37ms);
    for (auto& one : nodes)
      one.crash();
    for (auto& one : loads)
      one.join();
    for (const auto& one : results) {
      acknowledged += one.acknowledged;
      unanswered += one.unanswered;
    }
    const auto begin = clock::now();
    for (auto& one : nodes)
      one.start();
    std::int64_t found[3] = {0, 1, 2};
    while ((found[0] != found[1] || found[1] != found[2]) && seconds_since(begin) < 60)
      for (std::size_t i = 0; i < nodes.size(); ++i)
        found[i] = sum_of_counters(nodes[i], counters);
    std::printf("| %lu | %lu | %ld %ld %ld | %.2f |%s\n", acknowledged, unanswered, found[0],
                found[1], found[2], seconds_since(begin),
                found[0] < static_cast<std::int64_t>(acknowledged) ||
                        found[0] > static_cast<std::int64_t>(acknowledged + unanswered)
                    ? " WRONG"
                    : "");
  }
  std::puts("");
}

} // namespace

int run(int count, char** arguments) {
  bool whole = false;
  std::string_view only;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument{arguments[i]};
    if (argument == "--whole") {
      whole = true;
    } else if (argument.starts_with("--only=")) {
      only = argument.substr(7);
    } else {
      std::fputs("usage: bench durability [--whole] "
                 "[--only=writes|slow|sets|members|memory|disk|starting|crashes]\n",
                 stderr);
      return 2;
    }
  }
  const auto wanted = [&](std::string_view part) { return only.empty() || only == part; };
  if (wanted("writes"))
    writes(whole);
  if (wanted("slow"))
    slow_writes(whole);
  if (wanted("sets"))
    sets(whole);
  if (wanted("members"))
    members(whole);
  if (wanted("memory"))
    memory(whole);
  if (wanted("disk"))
    disk(whole);
  if (wanted("starting"))
    starting(whole);
  if (wanted("crashes"))
    crashes(whole);
  return 0;
}

} // namespace starling::bench

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return starling::bench::run(count, arguments);
}
