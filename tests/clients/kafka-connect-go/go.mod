module outflow.test/clients

go 1.19

require (
	github.com/go-kafka/connect v0.9.0
	github.com/alecthomas/template v0.0.0-20190718012654-fb15b899a751 // indirect
	github.com/alecthomas/units v0.0.0-20211218093645-b94a6e3cc137 // indirect
	gopkg.in/alecthomas/kingpin.v2 v2.2.6 // indirect
)
