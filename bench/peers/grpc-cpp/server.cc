// A peer: the directory on gRPC C++ with its callback API, users in a map.
//
//     grpc-cpp PORT USERS
//     grpc-cpp --version

#include <cstdint>
#include <iostream>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>

#include <grpcpp/grpcpp.h>

#include "user.grpc.pb.h"

namespace {

class Directory final : public UserManager::CallbackService {
 public:
  explicit Directory(std::uint32_t count) {
    for (std::uint32_t id = 1; id <= count; ++id) {
      User& user = users_[id];
      user.set_id(id);
      user.set_nickname("user number " + std::to_string(id));
      user.set_mail_address("user" + std::to_string(id) + "@example.com");
      user.set_user_type(User::NORMAL);
      user.set_revision(1);
    }
  }

  grpc::ServerUnaryReactor* GetUser(grpc::CallbackServerContext* context, const UserRequest* request,
                                    UserResponse* response) override {
    {
      std::shared_lock lock(mutex_);
      const auto found = users_.find(request->id());
      if (found == users_.end()) {
        response->set_error(true);
        response->set_message("not found");
      } else {
        *response->mutable_user() = found->second;
      }
    }
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<UserResponse>* GetUsersByType(grpc::CallbackServerContext*,
                                                         const UserTypeRequest* request) override {
    return new Users(*this, request->user_type());
  }

 private:
  // The stream of the users of a type.
  class Users final : public grpc::ServerWriteReactor<UserResponse> {
   public:
    Users(Directory& directory, int user_type) : directory_(directory), user_type_(user_type) { Next(); }

    void OnWriteDone(bool ok) override {
      if (ok) {
        Next();
      } else {
        Finish(grpc::Status::CANCELLED);
      }
    }

    void OnDone() override { delete this; }

   private:
    void Next() {
      {
        std::shared_lock lock(directory_.mutex_);
        auto user = directory_.users_.upper_bound(last_);
        while (user != directory_.users_.end() && user->second.user_type() != user_type_) ++user;
        if (user != directory_.users_.end()) {
          last_ = user->first;
          *response_.mutable_user() = user->second;
        } else {
          last_ = 0;
        }
      }
      if (last_ == 0) {
        Finish(grpc::Status::OK);
      } else {
        StartWrite(&response_);
      }
    }

    Directory& directory_;
    const int user_type_;
    std::uint32_t last_ = 0;
    UserResponse response_;
  };

  std::shared_mutex mutex_;
  std::map<std::uint32_t, User> users_;
};

}  // namespace

int main(int, char** arguments) {
  if (std::string(arguments[1]) == "--version") {
    std::cout << "gRPC C++ " << grpc::Version() << "\n";
    return 0;
  }
  Directory directory(std::stoul(arguments[2]));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + arguments[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&directory);
  builder.BuildAndStart()->Wait();
}
