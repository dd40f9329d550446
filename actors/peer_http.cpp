#include "actors/peer_http.hpp"

#include <httplib.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace starling::actors {

namespace {

/// Cuts a client's connection when its time is up or a stop is requested: the library's own
/// timeouts begin anew with each byte.
class deadline {
public:
  deadline(httplib::Client& client, std::chrono::milliseconds timeout, const std::stop_token& stop)
      : watcher_([this, &client, stop, end = std::chrono::steady_clock::now() + timeout] {
          std::unique_lock lock{mutex_};
          ended_.wait_until(lock, stop, end, [this] { return over_; });
          while (!over_) { // a client that is about to connect does not notice
            client.stop();
            ended_.wait_for(lock, std::chrono::milliseconds{20}, [this] { return over_; });
          }
        }) {}

  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;

  ~deadline() {
    {
      const std::lock_guard lock{mutex_};
      over_ = true;
    }
    ended_.notify_one();
    watcher_.join();
  }

private:
  std::mutex mutex_;
  std::condition_variable_any ended_;
  bool over_ = false;
  std::thread watcher_; // last: it uses the others
};

} // namespace

std::variant<http_answer, http_failure>
post(const membership::endpoint& to, const std::string& path, std::string body,
     std::chrono::milliseconds timeout, std::size_t answer_bytes_max, const std::stop_token& stop) {
  httplib::Client client{to.host, to.port};
  client.set_connection_timeout(timeout);
  client.set_read_timeout(timeout);
  client.set_write_timeout(timeout);
  client.set_tcp_nodelay(true);
  client.set_keep_alive(false);
  client.set_decompress(false);

  http_answer answer;
  bool too_large = false;
  httplib::Request request;
  request.method = "POST";
  request.path = path;
  request.headers.emplace("Content-Type", "application/octet-stream");
  request.body = std::move(body);
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    too_large = size > answer_bytes_max - answer.body.size();
    if (!too_large)
      answer.body.append(data, size);
    return !too_large;
  };
  try {
    const deadline limit{client, timeout, stop};
    const auto result = client.send(request);
    if (too_large)
      return http_failure{"the answer is too large"};
    if (!result)
      return http_failure{httplib::to_string(result.error())};
    answer.status = result->status;
    return answer;
  } catch (const std::exception& e) { // what garbage makes the library throw
    return http_failure{e.what()};
  }
}

} // namespace starling::actors
