#include "tests/e2e/load.hpp"

#include <algorithm>
#include <set>

namespace starling::e2e {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

// After a standstill the writes that were due are not all made up for.
constexpr auto burst_max = 100ms;

const std::string shared_element = "shared";

/// A connection that is kept while both sides go on.
httplib::Client open_connection(std::uint16_t port, std::chrono::milliseconds answer_max) {
  httplib::Client result{"127.0.0.1", port};
  result.set_url_encode(false);
  result.set_keep_alive(true);
  result.set_tcp_nodelay(true);
  result.set_connection_timeout(answer_max);
  result.set_read_timeout(answer_max);
  return result;
}

std::string text_of(const boost::json::value& of) {
  return of.is_string() ? std::string{of.as_string()} : boost::json::serialize(of);
}

} // namespace

struct load::write {
  std::uint64_t number;
  clock::time_point due;
  std::size_t key;
  const char* method;
  std::string body;
  std::int64_t amount = 0; // of a counter
  std::string text;        // the value of a register, or the element of a set
  bool adds = false;       // an element
};

load::load(std::deque<node>& nodes, const settings& with) : settings_(with) {
  for (std::size_t key = 0; key < settings_.keys; ++key) {
    const auto name = std::to_string(key);
    if (key % 10 < 4) {
      targets_.push_back("/counters/load-" + name);
      records_.emplace_back(counter{});
    } else if (key % 10 < 7) {
      targets_.push_back("/registers/load-" + name);
      records_.emplace_back(assigned{});
    } else {
      targets_.push_back("/sets/load-" + name);
      records_.emplace_back(elements{});
    }
  }
  for (const auto& one : nodes)
    nodes_.push_back({.http = one.http()});
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    for (std::size_t c = 0; c < settings_.connections_per_node; ++c)
      threads_.emplace_back([this, i] { run(i); });
}

load::~load() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

void load::resume(std::size_t node) {
  const std::lock_guard lock{mutex_};
  nodes_.at(node).paused = false;
  ++nodes_.at(node).life;
  changed_.notify_all();
}

void load::pause(std::size_t node) {
  std::unique_lock lock{mutex_};
  nodes_.at(node).paused = true;
  changed_.wait(lock, [&] { return nodes_.at(node).busy == 0; });
}

std::uint64_t load::acknowledged() const {
  const std::lock_guard lock{mutex_};
  return acknowledged_;
}

std::uint64_t load::unknown() const {
  const std::lock_guard lock{mutex_};
  return unknown_;
}

std::string load::unexpected() const {
  const std::lock_guard lock{mutex_};
  return unexpected_;
}

void load::run(std::size_t node) {
  auto connection = open_connection(nodes_[node].http.port(), answer_max);
  write next;
  while (begin(node, next)) {
    std::this_thread::sleep_until(next.due);
    httplib::Request request;
    request.method = next.method;
    request.path = targets_[next.key];
    request.set_header("Content-Type", "application/json");
    request.body = next.body;
    const auto got = connection.send(request);
    if (got)
      end(node, next, got->status, got->body);
    else
      end(node, next, 0, httplib::to_string(got.error()));
    if (!got)
      wait_until_healthy(node);
  }
}

/// The next write in turn, once this node may be written to; false at the end.
bool load::begin(std::size_t node, write& next) {
  std::unique_lock lock{mutex_};
  auto& to = nodes_[node];
  changed_.wait(lock, [&] { return ending_ || !to.paused; });
  if (ending_)
    return false;
  ++to.busy;
  const auto gap = std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>{1 / settings_.writes_per_second});
  next = {.number = next_++, .due = std::max(due_, clock::now() - burst_max)};
  due_ = next.due + gap;
  next.key = next.number % settings_.keys;
  const auto turn = next.number / settings_.keys;
  next.method = "POST";
  if (std::holds_alternative<counter>(records_[next.key])) {
    const auto by = static_cast<std::int64_t>(1 + next.number % 7);
    next.amount = turn % 3 == 2 ? -by : by;
    next.body = (turn % 3 == 2 ? R"({"decrement": )" : R"({"increment": )") + std::to_string(by);
    next.body += '}';
  } else if (std::holds_alternative<assigned>(records_[next.key])) {
    next.method = "PUT";
    next.text = "what write " + std::to_string(next.number) + " assigned";
    next.body = R"({"value": ")" + next.text + "\"}";
  } else {
    next.text = "node-" + std::to_string(node) + ", life " + std::to_string(to.life);
    auto& now = std::get<elements>(records_[next.key])[next.text];
    next.adds = now == presence::absent;
    next.body = (next.adds ? R"({"add": [")" : R"({"remove": [")") + next.text + R"(", ")" +
                shared_element + "\"]}";
  }
  return true;
}

void load::end(std::size_t node, const write& done, int status, const std::string& body) {
  const std::lock_guard lock{mutex_};
  --nodes_[node].busy;
  changed_.notify_all();
  const bool is_acknowledged = status == 200;
  (is_acknowledged ? acknowledged_ : unknown_) += 1;
  note(records_[done.key], done, is_acknowledged);
  // 504 says that nobody knows.
  if (!is_acknowledged && status != 0 && status != 504)
    unexpected_ += "node " + std::to_string(node) + " answers to " + targets_[done.key] + ": " +
                   std::to_string(status) + ' ' + body;
}

void load::note(record& of, const write& done, bool acknowledged) {
  if (auto* number = std::get_if<counter>(&of)) {
    if (acknowledged)
      number->sum += done.amount;
    else
      (done.amount > 0 ? number->unknown_above : number->unknown_below) += done.amount;
  } else if (auto* text = std::get_if<assigned>(&of)) {
    if (acknowledged)
      text->last = done.text;
    else
      text->unknown.push_back(done.text);
  } else {
    auto& now = std::get<elements>(of).at(done.text);
    if (!acknowledged)
      now = presence::unknown; // for good: it may happen after any later write
    else if (now != presence::unknown)
      now = done.adds ? presence::present : presence::absent;
  }
}

/// Until the node answers, is paused, or all is over.
void load::wait_until_healthy(std::size_t node) {
  while (true) {
    {
      std::unique_lock lock{mutex_};
      if (changed_.wait_for(lock, 50ms, [&] { return ending_ || nodes_[node].paused; }))
        return;
    }
    auto once = open_connection(nodes_[node].http.port(), 1s);
    if (const auto got = once.Get("/healthz"); got && got->status == 200)
      return;
  }
}

AssertionResult load::allows(std::size_t key, const answer& read) const {
  const std::lock_guard lock{mutex_};
  const auto failure = [&] {
    return AssertionFailure() << targets_[key] << " reads " << read.status << ' ' << read.body;
  };
  if (read.status != 200)
    return failure();
  const auto page = read.json();
  if (const auto* number = std::get_if<counter>(&records_[key])) {
    const auto value = page.at("value").as_int64();
    if (value >= number->sum + number->unknown_below &&
        value <= number->sum + number->unknown_above)
      return AssertionSuccess();
    return failure() << "but " << number->sum << " was acknowledged, " << number->unknown_below
                     << " to " << number->unknown_above << " is unknown";
  }
  if (const auto* text = std::get_if<assigned>(&records_[key])) {
    const auto value = text_of(page.at("value"));
    if (value == text->last || std::ranges::count(text->unknown, value) > 0)
      return AssertionSuccess();
    return failure() << "but the last acknowledged one was: " << text->last << ", and "
                     << text->unknown.size() << " are unknown";
  }
  std::set<std::string> values;
  for (const auto& value : page.at("values").as_array())
    values.insert(text_of(value));
  values.erase(shared_element);
  for (const auto& [element, now] : std::get<elements>(records_[key]))
    if (const bool there = values.erase(element) > 0;
        now != presence::unknown && there != (now == presence::present))
      return failure() << "where \"" << element << "\" should be "
                       << (there ? "absent" : "present");
  if (values.empty())
    return AssertionSuccess();
  return failure() << "where \"" << *values.begin() << "\" was never added";
}

std::vector<answer> read_all(const node& from, const std::vector<std::string>& targets) {
  auto connection = open_connection(from.http_port().number(), 10s);
  std::vector<answer> result;
  for (const auto& target : targets) {
    const auto got = connection.Get(target);
    result.push_back(got ? answer{got->status, {}, got->body}
                         : answer{.body = "no answer: " + httplib::to_string(got.error())});
  }
  return result;
}

} // namespace starling::e2e
