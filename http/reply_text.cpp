#include "http/reply_text.hpp"

#include <httplib.h>

#include <algorithm>

namespace starling::http {

namespace {

// Other releases call their hooks in another order.
static_assert(std::string_view{CPPHTTPLIB_VERSION} == "0.11.4");

/// The request that the library reads, and the reply that it writes.
class memory final : public httplib::Stream {
public:
  explicit memory(std::string in) : in_(std::move(in)) {}

  std::string& written() { return out_; }

  ssize_t read(char* to, size_t size) override {
    const auto given = std::min(size, in_.size() - read_);
    if (given == 0)
      return -1;
    std::copy_n(in_.data() + read_, given, to);
    read_ += given;
    return static_cast<ssize_t>(given);
  }

  ssize_t write(const char* from, size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  // Nobody asks where a request came from.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }

private:
  std::string in_;
  std::size_t read_ = 0;
  std::string out_;
};

class writer : public httplib::Server {
public:
  writer() {
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      fill(out);
      return HandlerResponse::Handled;
    });
    set_post_routing_handler(
        [this](const httplib::Request&, httplib::Response& out) { finish(out); });
  }

  std::string write(const response& what, const head& asked, const afterwards& then,
                    std::time_t now) {
    what_ = &what;
    asked_ = &asked;
    then_ = then;
    now_ = now;
    const auto method = asked.method.empty() ? std::string{"GET"} : asked.method;
    memory stream{method + " / HTTP/1.1\r\nHost: localhost\r\n\r\n"};
    bool closed = false;
    process_request(stream, !then.stays_open, closed, [](httplib::Request&) {});
    return std::move(stream.written());
  }

private:
  void fill(httplib::Response& out) const {
    out.status = what_->status;
    if (!what_->content_type.empty())
      out.set_content(what_->body, std::string{what_->content_type});
    for (const auto& [name, value] : what_->headers)
      out.set_header(name, value);
  }

  void finish(httplib::Response& out) const {
    out.headers.erase("Accept-Ranges");
    out.headers.erase("Keep-Alive");
    out.headers.erase("Connection");
    if (!then_.stays_open)
      out.set_header("Connection", "close");
    else if (asked_->is_http_1_0) // or the client waits for us to close
      out.set_header("Connection", "keep-alive");
    if (then_.stays_open && then_.idle_timeout.count() > 0)
      out.set_header("Keep-Alive", "timeout=" + std::to_string(then_.idle_timeout.count()));
    if (out.status == 204)
      out.headers.erase("Content-Length");
    out.set_header("Cache-Control", "no-store");
    char date[64];
    std::tm utc{};
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", ::gmtime_r(&now_, &utc));
    out.set_header("Date", date);
  }

  const response* what_ = nullptr;
  const head* asked_ = nullptr;
  afterwards then_;
  std::time_t now_ = 0;
};

} // namespace

std::string reply_text(const response& what, const head& asked, const afterwards& then,
                       std::time_t now) {
  thread_local writer one; // costly to make
  return one.write(what, asked, then, now);
}

} // namespace starling::http
