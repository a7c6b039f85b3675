// A TLS server in whatever Node.js runs it: arguments are a key, a certificate, and options for tls.createServer as JSON.
var fs = require('fs');
var tls = require('tls');

var options = JSON.parse(process.argv[4]);
options.key = fs.readFileSync(process.argv[2]);
options.cert = fs.readFileSync(process.argv[3]);

var server = tls.createServer(options, function (socket) { socket.end(); });
// Every handshake of a scan ends half-way.
server.on('clientError', function () {});
server.on('tlsClientError', function () {});
process.on('uncaughtException', function (error) { console.error(error.stack); });
server.listen(0, '127.0.0.1', function () {
  console.log('ACCEPT 127.0.0.1:' + server.address().port);
});
