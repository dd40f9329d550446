#include "tests/e2e/growth.hpp"

#include "tests/e2e/load.hpp"

namespace starling::e2e {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t writers_of_a_node = 3;
constexpr std::uint64_t many = 100; // counters
constexpr auto pause = 1ms;         // after each write, for sets are read as a whole

struct write {
  std::string target;
  std::string member; // of a set, or nothing
};

/// The writes of one writer: turn by turn one of two hot counters, one of many, and a set.
write nth_write(const std::string& writer, std::uint64_t n) {
  if (n % 3 == 0)
    return {"/counters/hot-" + std::to_string(n % 2), ""};
  if (n % 3 == 1)
    return {"/counters/" + std::to_string(n / 3 % many), ""};
  return {"/sets/" + std::to_string(n % 2), writer + ", " + std::to_string(n)};
}

void note(tally& in, const write& what, bool is_acknowledged) {
  in.acknowledged += is_acknowledged ? 1 : 0;
  if (what.member.empty())
    ++(is_acknowledged ? in.counters[what.target].acknowledged
                       : in.counters[what.target].unanswered);
  else if (is_acknowledged)
    in.adds[what.target].insert(what.member);
}

std::set<std::string> members_in(const answer& read) {
  const auto page = read.json();
  std::set<std::string> result;
  for (const auto& one : page.at("values").as_array())
    result.insert(one.as_string().c_str());
  return result;
}

/// What a node answers to reads of all that was written.
std::map<std::string, answer> read_targets(const node& n, const tally& what) {
  std::vector<std::string> targets;
  for (const auto& [target, count] : what.counters)
    targets.push_back(target);
  for (const auto& [target, members] : what.adds)
    targets.push_back(target);
  auto answers = read_all(n, targets);
  std::map<std::string, answer> result;
  for (std::size_t i = 0; i < targets.size(); ++i)
    result.emplace(targets[i], std::move(answers[i]));
  return result;
}

} // namespace

void tally::add(const tally& other) {
  for (const auto& [target, count] : other.counters) {
    counters[target].acknowledged += count.acknowledged;
    counters[target].unanswered += count.unanswered;
  }
  for (const auto& [target, members] : other.adds)
    adds[target].insert(members.begin(), members.end());
  acknowledged += other.acknowledged;
}

growth::growth(std::deque<node>& nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (std::size_t w = 0; w < writers_of_a_node; ++w)
      writers_.emplace_back(i, nodes[i].name() + ", writer " + std::to_string(w),
                            nodes[i].http_port().number());
  for (auto& one : writers_)
    one.thread = std::thread{[this, &one] { run(one); }};
}

growth::~growth() {
  end();
}

void growth::end() {
  ending_ = true;
  for (auto& one : writers_)
    if (one.thread.joinable())
      one.thread.join();
}

tally growth::through(std::size_t node) const {
  tally result;
  for (const auto& one : writers_)
    if (one.node == node) {
      const std::lock_guard lock{one.mutex};
      result.add(one.done);
    }
  return result;
}

tally growth::through_all() const {
  tally result;
  for (const auto& one : writers_) {
    const std::lock_guard lock{one.mutex};
    result.add(one.done);
  }
  return result;
}

void growth::run(writer& as) {
  httplib::Client http{"127.0.0.1", as.port};
  http.set_keep_alive(true);
  http.set_tcp_nodelay(true);
  http.set_read_timeout(10s);
  for (std::uint64_t n = 0; !ending_; ++n, std::this_thread::sleep_for(pause)) {
    const auto next = nth_write(as.name, n);
    const auto got = http.Post(next.target,
                               next.member.empty() ? R"({"increment": 1})"
                                                   : R"({"add": [")" + next.member + "\"]}",
                               "application/json");
    if (!got && got.error() == httplib::Error::Connection) { // it was not sent
      std::this_thread::sleep_for(5ms);
      continue;
    }
    const std::lock_guard lock{as.mutex};
    note(as.done, next, got && got->status == 200);
  }
}

AssertionResult holds(const node& n, const tally& what) {
  const auto read = read_targets(n, what);
  for (const auto& [target, count] : what.counters)
    if (const auto& seen = read.at(target);
        count.acknowledged > 0 &&
        (seen.status != 200 || seen.json().at("value").as_int64() < count.acknowledged))
      return AssertionFailure() << n.name() << " acknowledged " << count.acknowledged << " of "
                                << target << " and shows " << seen.status << ' ' << seen.body;
  for (const auto& [target, members] : what.adds) {
    const auto& seen = read.at(target);
    if (seen.status != 200)
      return AssertionFailure() << n.name() << " shows of " << target << ' ' << seen.status;
    const auto there = members_in(seen);
    for (const auto& member : members)
      if (!there.contains(member))
        return AssertionFailure() << n.name() << " lost the member \"" << member << "\" of "
                                  << target << ", which has " << there.size();
  }
  return AssertionSuccess();
}

AssertionResult counts_exactly(const node& n, const tally& what) {
  const auto read = read_targets(n, what);
  for (const auto& [target, count] : what.counters)
    if (const auto& seen = read.at(target);
        seen.status == 200 &&
        seen.json().at("value").as_int64() > count.acknowledged + count.unanswered)
      return AssertionFailure() << n.name() << " shows " << target << " as " << seen.body
                                << "where " << count.acknowledged << " were acknowledged and "
                                << count.unanswered << " not answered";
  return holds(n, what);
}

} // namespace starling::e2e
