// A peer: the directory on grpc-go, users in a map.
//
//	grpc-go PORT USERS
//	grpc-go --version
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"sync"

	"google.golang.org/grpc"

	pb "soundstage.example/peer/user"
)

type directory struct {
	pb.UnimplementedUserManagerServer
	lock  sync.RWMutex
	users map[uint32]*pb.User
	ids   []uint32
}

func (d *directory) GetUser(_ context.Context, request *pb.UserRequest) (*pb.UserResponse, error) {
	d.lock.RLock()
	defer d.lock.RUnlock()
	user, found := d.users[request.Id]
	if !found {
		return &pb.UserResponse{Error: true, Message: "not found"}, nil
	}
	return &pb.UserResponse{User: user}, nil
}

func (d *directory) GetUsersByType(request *pb.UserTypeRequest, stream grpc.ServerStreamingServer[pb.UserResponse]) error {
	d.lock.RLock()
	defer d.lock.RUnlock()
	for _, id := range d.ids {
		user := d.users[id]
		if int32(user.UserType) != int32(request.UserType) {
			continue
		}
		if err := stream.Send(&pb.UserResponse{User: user}); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if os.Args[1] == "--version" {
		fmt.Println("grpc-go " + grpc.Version)
		return
	}
	count, err := strconv.ParseUint(os.Args[2], 10, 32)
	if err != nil {
		log.Fatal(err)
	}
	users := &directory{users: make(map[uint32]*pb.User)}
	for id := uint32(1); id <= uint32(count); id++ {
		users.ids = append(users.ids, id)
		users.users[id] = &pb.User{
			Id:          id,
			Nickname:    fmt.Sprintf("user number %d", id),
			MailAddress: fmt.Sprintf("user%d@example.com", id),
			UserType:    pb.User_NORMAL,
			Revision:    1,
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterUserManagerServer(server, users)
	log.Fatal(server.Serve(listener))
}
